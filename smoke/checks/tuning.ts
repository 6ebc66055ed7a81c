import { inconclusive, judge, milliseconds, type Check } from "../check";
import { tuningRequest } from "../openai";
import { malformed } from "./streaming";

/** What the SQL-tuning application asks for, one of each kind. */
const PROMPTS = {
  tuning:
    "아래 질의가 느립니다. 원인과 개선 방법을 설명해 주세요.\nSELECT o.id, c.name FROM orders o, customers c WHERE o.customer_id = c.id AND TO_CHAR(o.ordered_at, 'YYYYMM') = '202611'",
  explain:
    "이 실행계획을 쉬운 말로 풀어 주세요.\nSELECT STATEMENT\n  HASH JOIN (cost 1840)\n    TABLE ACCESS FULL CUSTOMERS\n    TABLE ACCESS FULL ORDERS",
  index:
    "다음 질의에 알맞은 인덱스를 CREATE INDEX 문으로 제안해 주세요.\nSELECT * FROM shipments WHERE status = 'OPEN' AND region = '서울' ORDER BY due_date",
  rewrite:
    "상관 서브쿼리를 없애고 같은 결과를 내도록 고쳐 써 주세요.\nSELECT p.id FROM products p WHERE p.price > (SELECT AVG(q.price) FROM products q WHERE q.category = p.category)",
} as const;
const TOKENS = 192;

/** The prompts that the endpoint is there for are answered: whole, in time, in Korean. */
export const tuning: Check = {
  id: "tuning",
  title: "SQL-tuning prompts are answered",
  demand: ({ objectives }) =>
    `${Object.keys(PROMPTS).join(", ")}: streamed whole, Korean unbroken, first token within ${objectives.ttft} s, end within ${objectives.total} s`,
  needs: "korean",
  alone: true,
  async run({ target: { objectives }, client, model }) {
    const faults: string[] = [];
    const answers: Record<string, unknown> = {};
    let foreign = 0;
    for (const [kind, prompt] of Object.entries(PROMPTS)) {
      const record = await client.stream(tuningRequest(model, TOKENS, prompt), objectives.total * 1000);
      const { firstToken, end, text, finishReason } = record;
      // The last character may be cut by the limit of tokens.
      const whole = finishReason === "length" ? text.replace(/\uFFFD$/, "") : text;
      const found = [
        ...malformed(record),
        ...(whole.includes("\uFFFD") ? ["broken characters"] : []),
        ...(firstToken === undefined ? ["no token came"] : []),
        ...(firstToken !== undefined && firstToken > objectives.ttft * 1000
          ? [`first token after ${milliseconds(firstToken)}`]
          : []),
      ];
      faults.push(...found.map((fault) => `${kind}: ${fault}`));
      if (!/\p{Script=Hangul}/u.test(whole)) foreign += 1;
      answers[kind] = { firstToken, end, tokens: record.tokens, text: whole };
    }
    if (faults.length === 0 && foreign > 0)
      return inconclusive(`${foreign} of ${Object.keys(PROMPTS).length} answers have no Korean`, answers);
    return judge(faults, `${Object.keys(PROMPTS).length} answers`, answers);
  },
};
