import { judge, type Check } from "../check";
import { isError } from "../openai";

/** Paths of Ollama and vLLM that are not for clients, what scanners ask for, and open paths in other spellings. */
const CLOSED = [
  "/",
  "/v1",
  "/v1/",
  "/v1/models/",
  "//v1/models",
  "/V1/models",
  "/v1/models/../../api/tags",
  "/v1/../api/tags",
  "/health/../api/tags",
  "/v1/%6dodels",
  "/v1/responses",
  "/v1/messages",
  "/v1/files",
  "/v1/audio/transcriptions",
  "/v1/load_lora_adapter",
  "/api/pull",
  "/api/push",
  "/api/create",
  "/api/copy",
  "/api/show",
  "/api/ps",
  "/api/version",
  "/api/blobs/sha256:00",
  "/metrics",
  "/invocations",
  "/tokenize",
  "/detokenize",
  "/pause",
  "/update_weights",
  "/server_info",
  "/docs",
  "/openapi.json",
  "/nginx_status",
  "/engine-answers",
  "/.env",
];
const EMBEDDINGS = "/v1/embeddings";
const NATIVE = ["/api/tags", "/api/generate", "/api/chat", "/api/embed"];

/** What is not on the allowlist is not there, with a valid key too. */
export const allowlist: Check = {
  id: "allowlist",
  title: "Every other path is closed",
  demand: () => "404 in OpenAI's form, GET and POST, with a valid key",
  needs: "keys",
  async run({ target, client }) {
    const paths = [
      ...CLOSED,
      ...(target.embeddingModel === undefined ? [EMBEDDINGS] : []),
      ...(target.nativeApi ? [] : NATIVE),
    ];
    const requests = [
      ...paths.flatMap((path) => (["GET", "POST"] as const).map((method) => ({ method, path }))),
      { method: "DELETE" as const, path: "/api/delete" },
    ];
    const faults = await Promise.all(
      requests.map(async ({ method, path }) => {
        const { status, text } = await client.send(path, {
          method,
          key: client.key,
          ...(method === "GET" ? {} : { body: "{}" }),
        });
        if (status !== 404) return [`${method} ${path}: ${status}`];
        return isError(text) ? [] : [`${method} ${path}: 404, not in OpenAI's form`];
      }),
    );
    return judge(faults.flat(), `${requests.length} requests, all 404`);
  },
};
