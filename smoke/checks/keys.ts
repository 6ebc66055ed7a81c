import { judge, type Check } from "../check";
import type { RequestOptions } from "../client";
import { isError } from "../openai";
import type { SmokeTarget } from "../target";

const WRONG_KEY = "wrong-key-of-the-smoke-test";

interface Door {
  readonly path: string;
  readonly options: RequestOptions;
}

const post = (path: string): Door => ({ path, options: { method: "POST", body: "{}" } });
const models: Door = { path: "/v1/models", options: {} };

const doors = ({ nativeApi, embeddingModel }: SmokeTarget): Door[] => [
  models,
  post("/v1/chat/completions"),
  post("/v1/completions"),
  ...(embeddingModel === undefined ? [] : [post("/v1/embeddings")]),
  ...(nativeApi
    ? [{ path: "/api/tags", options: {} }, post("/api/chat"), post("/api/generate"), post("/api/embed")]
    : []),
];

interface Attempt extends Door {
  readonly name: string;
}

/** Requests that must be refused: none of them holds a key where and as it belongs. */
function attempts(target: SmokeTarget): Attempt[] {
  const { key } = target.clients[0]!;
  const bearing = (name: string, wrong: string): Attempt => ({ ...models, name, options: { key: wrong } });
  return [
    ...doors(target).map((door) => ({ ...door, name: `${door.path} without a key` })),
    ...doors(target).map(({ path, options }) => ({
      path,
      options: { ...options, key: WRONG_KEY },
      name: `${path} with a wrong key`,
    })),
    { path: `/v1/models?api_key=${key}&key=${key}`, options: {}, name: "the key in the query string" },
    bearing("the key and one character more", `${key}x`),
    bearing("the key but for its last character", key.slice(0, -1)),
    ...(swapCase(key) === key ? [] : [bearing("the key in other letter case", swapCase(key))]),
  ];
}

/** The right key opens, anything else does not. */
export const keys: Check = {
  id: "keys",
  title: "A key is required",
  demand: () => "401 without, with a wrong one and in the query string; 200 with each client's",
  needs: "health",
  async run({ target, client }) {
    const refused = await Promise.all(
      attempts(target).map(async ({ name, path, options }) => ({ name, ...(await client.send(path, options)) })),
    );
    const admitted = await Promise.all(
      target.clients.map(async ({ name, key }) => ({ name, ...(await client.send("/v1/models", { key })) })),
    );
    const faults = [
      ...refused.filter(({ status }) => status !== 401).map(({ name, status }) => `${status} for ${name}`),
      ...refused
        .filter(({ status, text }) => status === 401 && !isError(text))
        .map(({ name }) => `401 for ${name} is not in OpenAI's form`),
      ...admitted.filter(({ status }) => status !== 200).map(({ name, status }) => `${status} with ${name}'s key`),
    ];
    return judge(faults, `refused ${refused.length} ways, ${admitted.length} let in`);
  },
};

const swapCase = (text: string) =>
  text.replace(/[a-z]/gi, (letter) => (letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()));
