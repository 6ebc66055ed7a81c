import { fail, inconclusive, pass, type Check } from "../check";
import { completionText, tuningRequest } from "../openai";
import { malformed } from "./streaming";

const REPLACEMENT = "\uFFFD";
const HANGUL = /\p{Script=Hangul}/u;
const TOKENS = 48;
/** For a model that thinks, or answers, in English: it gets room to think, and has to say something Korean. */
const ECHO = "다음 문장을 한 글자도 바꾸지 말고 다섯 번 반복하세요. 인덱스를 추가하면 조회가 빨라집니다.";
const ECHO_TOKENS = 4 * TOKENS;
const ATTEMPTS = 3;

/** Korean survives the way: no broken character, and the stream says what the whole answer says. */
export const korean: Check = {
  id: "korean",
  title: "Korean text arrives whole",
  demand: () => "no replacement character; streamed text equals the unstreamed",
  needs: "streaming",
  async run({ target, client, model }) {
    let body = tuningRequest(model, TOKENS);
    let echoed = false;
    const timeoutMilliseconds = target.objectives.total * 1000;
    let differing: { streamed: string; whole: string } | undefined;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const record = await client.stream(body, timeoutMilliseconds);
      const faults = malformed(record);
      if (faults.length > 0) return fail(faults.join("; "), { beginning: record.beginning });
      const answer = await client.send("/v1/chat/completions", {
        method: "POST",
        key: client.key,
        body: JSON.stringify(body),
        timeoutMilliseconds,
      });
      // The last character may be cut by the limit of tokens.
      const ended = (text: string) => (record.finishReason === "length" ? text.replace(/\uFFFD$/, "") : text);
      const streamed = ended(record.text);
      const whole = ended(completionText(answer.text));
      if (streamed.includes(REPLACEMENT))
        return fail(
          whole.includes(REPLACEMENT)
            ? "broken characters, in the unstreamed answer too"
            : "the stream has broken characters",
          { streamed, whole },
        );
      if (!HANGUL.test(streamed)) {
        if (echoed) return inconclusive("the answer to a Korean question has no Korean", { streamed });
        echoed = true;
        body = tuningRequest(model, ECHO_TOKENS, ECHO);
        continue;
      }
      if (streamed === whole) return pass(`${whole.length} characters, equal`);
      differing = { streamed, whole };
    }
    // Engines don't promise the same answer twice, so a difference alone proves nothing.
    return inconclusive(`streamed and unstreamed answers differed ${ATTEMPTS} times`, differing);
  },
};
