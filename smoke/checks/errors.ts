import { judge, type Check } from "../check";
import type { RequestOptions } from "../client";
import { isError } from "../openai";

interface Mistake {
  readonly name: string;
  readonly status: number;
  readonly options: RequestOptions;
}

const post = (body: string): RequestOptions => ({ method: "POST", body });
const MISTAKES: readonly Mistake[] = [
  {
    name: "an unknown model",
    status: 404,
    options: post(JSON.stringify({ model: "no-such-model", messages: [{ role: "user", content: "?" }] })),
  },
  { name: "a body that is not JSON", status: 400, options: post("{") },
  { name: "another method", status: 405, options: {} },
];

/** A client's mistakes are answered as OpenAI's clients expect, whoever answers: gateway or engine. */
export const errors: Check = {
  id: "errors",
  title: "Mistakes are explained",
  demand: () => `${MISTAKES.map(({ name, status }) => `${status} for ${name}`).join(", ")}, in OpenAI's form`,
  needs: "keys",
  async run({ client }) {
    const faults = await Promise.all(
      MISTAKES.map(async ({ name, status: wanted, options }) => {
        const { status, text } = await client.send("/v1/chat/completions", { ...options, key: client.key });
        if (status !== wanted) return [`${status} for ${name}`];
        return isError(text) ? [] : [`${status} for ${name}, not in OpenAI's form`];
      }),
    );
    return judge(faults.flat(), `${MISTAKES.length} mistakes explained`);
  },
};
