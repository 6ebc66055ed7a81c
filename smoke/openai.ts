/** What OpenAI's API looks like from outside; everything from a server is unknown until looked at. */

export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a body is `{"error": {"message", "type", …}}`, which is what OpenAI's clients show to their users. */
export function isError(text: string): boolean {
  const error = parseObject(text)?.["error"] as Readonly<Record<string, unknown>> | null | undefined;
  return typeof error?.["message"] === "string" && typeof error["type"] === "string";
}

/** Names in the answer of `/v1/models`; undefined when it is no list. */
export function listedModels(text: string): string[] | undefined {
  const list = parseObject(text);
  // Ollama's list of no models is null.
  const data = list?.["object"] === "list" ? (list["data"] ?? []) : list?.["data"];
  return Array.isArray(data) ? (data as readonly { readonly id?: unknown }[]).map(({ id }) => String(id)) : undefined;
}

/** Vectors in the answer of `/v1/embeddings`; undefined when it has none, or what is no number in one. */
export function embeddingVectors(text: string): number[][] | undefined {
  const data = parseObject(text)?.["data"];
  const entries = Array.isArray(data) ? (data as readonly { readonly embedding?: unknown }[]) : [];
  const vectors = entries.map(({ embedding }) => embedding);
  const isVector = (vector: unknown): vector is number[] => Array.isArray(vector) && vector.every(Number.isFinite);
  return vectors.length > 0 && vectors.every(isVector) ? vectors : undefined;
}

interface Message {
  readonly content?: string | null;
  readonly reasoning?: string | null;
  readonly reasoning_content?: string | null;
}

/** Text of an unstreamed completion: content, or the reasoning where the answer holds nothing else. */
export function completionText(text: string): string {
  const choices = parseObject(text)?.["choices"] as readonly { readonly message?: Message }[] | undefined;
  const message = choices?.[0]?.message;
  return message?.content || message?.reasoning || message?.reasoning_content || "";
}

const TUNING_PROMPT = "다음 SQL을 튜닝해 주세요: SELECT * FROM employees WHERE department_id = 10";

/** A request of the SQL-tuning application that has the same answer each time, as far as the engine keeps to a seed. */
export const tuningRequest = (model: string, maxTokens: number, prompt: string = TUNING_PROMPT) => ({
  model,
  max_tokens: maxTokens,
  temperature: 0,
  seed: 1,
  messages: [{ role: "user", content: prompt }],
});
