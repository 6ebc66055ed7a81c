import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, test } from "vitest";

/** The layer between nginx and `transformers serve`, in front of a small server that answers as the real one was recorded to. */

const DRIVER = join(__dirname, "..", "..", "fixtures", "transformers", "ask_door.py");

interface Request {
  readonly path: string;
  readonly method?: "GET";
  /** A text is sent as it stands. */
  readonly body?: unknown;
  readonly hangsUp?: true;
}
interface Answer {
  readonly status: number;
  readonly body: string;
  readonly log?: string;
}

async function exchange(requests: readonly Request[], queue = 4): Promise<{ answers: Answer[]; ended: string[] }> {
  const { stdout } = await execa("python3", [DRIVER], {
    input: JSON.stringify({ requests, queue }),
    env: { PYTHONDONTWRITEBYTECODE: "1" },
  });
  return JSON.parse(stdout) as { answers: Answer[]; ended: string[] };
}

const ask = async (request: Request) => (await exchange([request])).answers[0]!;
const chat = (how: string, more: Record<string, unknown> = {}): Request => ({
  path: "/v1/chat/completions",
  body: { model: "tiny", how, messages: [{ role: "user", content: "ping" }], ...more },
});
const errorOf = ({ body }: Answer) => (JSON.parse(body) as { error: { message: string; code: string } }).error;

describe("the door of Transformers", () => {
  test("names the model, and only it", async () => {
    const { status, body } = await ask({ path: "/v1/models", method: "GET" });
    expect(status).toBe(200);
    expect(body).toBe(
      '{"object":"list","data":[{"id":"tiny","object":"model","created":0,"owned_by":"transformers"}]}',
    );
  });

  test("gives a stream the model's public name and a last word, and leaves what the model said", async () => {
    const { body } = await ask(chat("stream"));
    expect(body.match(/"model":"tiny"/g)).toHaveLength(2);
    expect(body).toContain(String.raw`"content":"\"model\":\".@main\""`);
    expect(body).toMatch(/\n\ndata: \[DONE\]\n\n$/);
  });

  test("gives a stream that broke off no last word", async () => {
    expect((await ask(chat("broken stream"))).body).not.toContain("[DONE]");
  });

  test("asks the server by the server's own name for the model, with or without one from the client", async () => {
    expect((await ask(chat("whole"))).body).toBe('{"model":"tiny","asked":"."}');
    expect((await ask(chat("whole", { model: undefined }))).body).toBe('{"model":"tiny","asked":"."}');
  });

  test("gives the server the fractions that it wants for whole numbers", async () => {
    expect((await ask(chat("echo", { logit_bias: { 4: -100 } }))).body).toContain('"logit_bias": {"4": -100.0}');
  });

  test("keeps ignore_eos from the server, and tells it for that request alone", async () => {
    const asked = [true, false, null, undefined].map((ignore_eos) => chat("endless", { ignore_eos }));
    const { answers } = await exchange(asked);
    expect(answers.map(({ body }) => body)).toEqual(["true", "false", "false", "false"]);
  });

  test.each<[fault: string, request: Request, status: number, code: string]>([
    ["another path", { path: "/load_model", body: { model: "gpt2" } }, 404, "unknown_url"],
    ["a path with another method", { path: "/v1/models" }, 405, "method_not_allowed"],
    ["another model", chat("whole", { model: "gpt2" }), 404, "model_not_found"],
    ["the server's own name for the model", chat("whole", { model: "." }), 404, "model_not_found"],
    ["no JSON", { path: "/v1/completions", body: "{" }, 400, "invalid_json"],
    ["JSON that is no object", { path: "/v1/completions", body: [] }, 400, "invalid_json"],
    ["no messages", chat("whole", { messages: [] }), 400, "invalid_request"],
    ["a message without a role", chat("whole", { messages: [{ content: "x" }] }), 400, "invalid_request"],
    [
      "a picture",
      chat("whole", { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "/etc/x" } }] }] }),
      400,
      "invalid_request",
    ],
    ["a template", chat("whole", { chat_template_kwargs: { chat_template: "{{ x }}" } }), 400, "invalid_request"],
    ["a bias without a number", chat("whole", { logit_bias: { 4: "much" } }), 400, "invalid_request"],
    ["a generation_config", chat("whole", { generation_config: "{}" }), 400, "invalid_request"],
    ["an ignore_eos that is neither", chat("whole", { ignore_eos: "yes" }), 400, "invalid_request"],
  ])("refuses %s in OpenAI's form, before the server sees it", async (_, request, status, code) => {
    const answer = await ask(request);
    expect(answer.status).toBe(status);
    expect(errorOf(answer).code).toBe(code);
  });

  test("words the server's own refusals as OpenAI does", async () => {
    const answer = await ask(chat("unknown field"));
    expect(answer.status).toBe(400);
    expect(errorOf(answer).message).toContain("top_k");
  });

  test("says nothing of the inside when the server fails, and leaves the reason to its log", async () => {
    const answer = await ask(chat("bug"));
    expect(answer).toMatchObject({ status: 500, log: "KeyError" });
    expect(errorOf(answer).message).toBe("The model failed on this request.");
  });

  test("lets one in, as many as the queue holds wait, and says 503 to the rest", async () => {
    const working: Request = { ...chat("until hung up"), hangsUp: true };
    const { answers } = await exchange([working, chat("whole"), chat("whole"), chat("whole")], 1);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 503, 503]);
  });

  test("ends the work for a client that hangs up, and its wait", async () => {
    const working: Request = { ...chat("until hung up"), hangsUp: true };
    const { answers, ended } = await exchange([working, working, chat("whole")]);
    expect(ended).toEqual(["until hung up"]);
    expect(answers.map(({ status }) => status)).toEqual([200, 0, 200]);
  });
});
