import type { Answer, Client, RequestOptions } from "./client";
import { NoAnswer } from "./no-answer";
import type { SmokeTarget } from "./target";

/**
 * Asks a model that may have to be loaded first, since nobody has asked it for long. Where the answer is not in time, it is
 * waited for as long as a load may take, and asked for once more: the time is that of a loaded model.
 * @throws NoAnswer
 */
export async function askIdleModel(
  client: Client,
  { objectives, loadTimeout }: Pick<SmokeTarget, "objectives" | "loadTimeout">,
  path: string,
  request: Omit<RequestOptions, "timeoutMilliseconds">,
): Promise<Answer> {
  const ask = (seconds: number) => client.send(path, { ...request, timeoutMilliseconds: seconds * 1000 });
  try {
    return await ask(objectives.total);
  } catch (error) {
    if (!(error instanceof NoAnswer) || !error.late || loadTimeout === 0) throw error;
  }
  await ask(loadTimeout);
  return ask(objectives.total);
}
