import { fail, inconclusive, judge, type Check } from "../check";
import type { Answer } from "../client";
import { isError } from "../openai";

const AT_ONCE = 12;
const LONGEST_MILLISECONDS = 10_000;
/** How far above what is allowed a client must get without a refusal before the limit counts as missing. */
const MARGIN = 1.5;

/** Who asks more than the limit allows is told to wait, and how long. */
export const rateLimit: Check = {
  id: "rate-limit",
  title: "Too many requests are told to wait",
  demand: ({ rateLimit: limit }) =>
    `429 with Retry-After above ${limit ? `${limit.requestsPerMinute} a minute and ${limit.burst} at once` : "?"}`,
  needs: "keys",
  last: true,
  async run({ target: { rateLimit: limit }, client }) {
    if (!limit) return inconclusive("not measured: the limit is not known here");
    const began = performance.now();
    for (let sent = AT_ONCE; ; sent += AT_ONCE) {
      const answers = await Promise.all(
        Array.from({ length: AT_ONCE }, () => client.send("/v1/models", { key: client.key, patient: false })),
      );
      const refused = answers.find(({ status }) => status === 429);
      if (refused) return judge(refusalFaults(refused), `429 after ${sent} requests at most`);
      const elapsed = performance.now() - began;
      const allowed = limit.burst + 1 + (limit.requestsPerMinute * elapsed) / 60_000;
      if (sent > allowed * MARGIN + AT_ONCE)
        return fail(`${sent} requests in ${Math.round(elapsed)} ms, none refused`, { allowed: Math.round(allowed) });
      if (elapsed > LONGEST_MILLISECONDS)
        return inconclusive(`${sent} requests in ${Math.round(elapsed)} ms are not more than is allowed`);
    }
  },
};

function refusalFaults({ headers, text }: Answer): string[] {
  const wait = headers["retry-after"];
  return [
    ...(/^[1-9]\d*$/.test(String(wait)) ? [] : [`Retry-After is ${wait === undefined ? "missing" : String(wait)}`]),
    ...(isError(text) ? [] : ["not in OpenAI's form"]),
  ];
}
