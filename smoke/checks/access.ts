import { judge, milliseconds, type Check, fail, pass } from "../check";

const WRONG_KEY = "wrong-key-of-the-smoke-test";

const isOpenAiError = (text: string): boolean => {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown; type?: unknown } };
    return typeof error?.message === "string" && typeof error.type === "string";
  } catch {
    return false;
  }
};

/** `/health` needs no key and answers at once. */
export const health: Check = {
  id: "health",
  title: "Health answers quickly",
  demand: ({ objectives }) => `200 within ${milliseconds(objectives.health * 1000)}`,
  alone: true,
  async run({ target, client }) {
    // The first request pays for the connection; of the others the best tells what the host can do.
    await client.send("/health");
    const answers = [await client.send("/health"), await client.send("/health"), await client.send("/health")];
    const wrong = answers.find(({ status }) => status !== 200);
    if (wrong) return fail(`status ${wrong.status}`, { body: wrong.text.slice(0, 200) });
    const times = answers.map((answer) => answer.milliseconds);
    const best = Math.min(...times);
    return judge(best > target.objectives.health * 1000 ? [`${milliseconds(best)} at best`] : [], milliseconds(best), {
      times,
    });
  },
};

/** The right key opens, anything else does not. */
export const keys: Check = {
  id: "keys",
  title: "A key is required",
  demand: () => "401 without, with a wrong one and in the query string; 200 with each client's",
  needs: "health",
  async run({ target, client }) {
    const refused = [
      { name: "without a key", answer: await client.send("/v1/models") },
      { name: "with a wrong key", answer: await client.send("/v1/models", { key: WRONG_KEY }) },
      {
        name: "with the key in the query string",
        answer: await client.send(`/v1/models?api_key=${client.key}&key=${client.key}`),
      },
      {
        name: "with the key in other letter case",
        answer: await client.send("/v1/models", { key: swapCase(client.key) }),
      },
    ];
    const faults = refused.flatMap(({ name, answer }) => [
      ...(answer.status === 401 ? [] : [`${answer.status} ${name}`]),
      ...(answer.status !== 401 || isOpenAiError(answer.text) ? [] : [`401 ${name} is not in OpenAI's form`]),
    ]);
    for (const { name, key } of target.clients) {
      const { status } = await client.send("/v1/models", { key });
      if (status !== 200) faults.push(`${status} with ${name}'s key`);
    }
    return judge(faults, `refused ${refused.length} ways, ${target.clients.length} let in`);
  },
};

const swapCase = (text: string) =>
  text.replace(/[a-z]/gi, (letter) => (letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()));

/** Every model of the stack file is offered under its name. */
export const models: Check = {
  id: "models",
  title: "The models are listed",
  demand: ({ models: names }) => names.join(", "),
  needs: "keys",
  async run({ target, client }) {
    const { text, status } = await client.send("/v1/models", { key: client.key });
    if (status !== 200) return fail(`status ${status}`);
    const listed = (JSON.parse(text) as { data: { id: string }[] }).data.map(({ id }) => id);
    const missing = target.models.filter((name) => !listed.includes(name) && !listed.includes(`${name}:latest`));
    return judge(missing.length > 0 ? [`missing: ${missing.join(", ")}`] : [], listed.join(", "), { listed });
  },
};

const CLOSED = [
  "/",
  "/v1",
  "/v1/",
  "/v1/models/",
  "//v1/models",
  "/V1/models",
  "/v1/models/../../api/tags",
  "/v1/%6dodels",
  "/v1/responses",
  "/v1/messages",
  "/v1/files",
  "/api/pull",
  "/api/push",
  "/api/delete",
  "/api/create",
  "/api/copy",
  "/api/ps",
  "/api/version",
  "/api/blobs/sha256:00",
  "/metrics",
  "/invocations",
  "/tokenize",
  "/pause",
  "/docs",
  "/openapi.json",
  "/nginx_status",
  "/.env",
];
const NATIVE = ["/api/tags", "/api/generate", "/api/chat", "/api/embed"];

/** What is not on the allowlist is not there, with a valid key too. */
export const allowlist: Check = {
  id: "allowlist",
  title: "Every other path is closed",
  demand: () => "404 in OpenAI's form, GET and POST, with a valid key",
  needs: "keys",
  async run({ target, client }) {
    const paths = [...CLOSED, ...(target.nativeApi ? [] : NATIVE)];
    const asked = await Promise.all(
      paths.flatMap((path) =>
        (["GET", "POST"] as const).map(async (method) => {
          const answer = await client.send(path, {
            method,
            key: client.key,
            ...(method === "POST" ? { body: "{}" } : {}),
          });
          return { name: `${method} ${path}`, answer };
        }),
      ),
    );
    const open = asked.filter(({ answer }) => answer.status !== 404 || !isOpenAiError(answer.text));
    return judge(
      open.map(({ name, answer }) => `${name}: ${answer.status}`),
      `${asked.length} requests, all 404`,
    );
  },
};

/** A body over the limit is refused in OpenAI's form. */
export const bodyLimit: Check = {
  id: "body-limit",
  title: "Too large a body is refused",
  demand: ({ maxBodySize }) => `413 above ${maxBodySize ?? "?"} bytes`,
  needs: "keys",
  async run({ target, client }) {
    if (target.maxBodySize === undefined) return pass("no limit is set");
    const body = JSON.stringify({
      model: target.models[0],
      messages: [{ role: "user", content: "x".repeat(target.maxBodySize) }],
    });
    const { status, text } = await client.send("/v1/chat/completions", { method: "POST", key: client.key, body });
    return judge(status === 413 && isOpenAiError(text) ? [] : [`${status}: ${text.slice(0, 120)}`], "413");
  },
};
