import { Readable } from "node:stream";
import { inconclusive, judge, type Check } from "../check";
import { isError } from "../openai";

const PIECE = "x".repeat(64 * 1024);

/** A body over the limit, made as it is sent: the limit may be larger than a string. */
function* oversized(bytes: number) {
  for (let sent = 0; sent < bytes; sent += PIECE.length) yield PIECE.slice(0, bytes - sent);
}

/** A body over the limit is refused in OpenAI's form. */
export const bodyLimit: Check = {
  id: "body-limit",
  title: "Too large a body is refused",
  demand: ({ maxBodySize }) => `413 above ${maxBodySize ?? "?"} bytes`,
  needs: "keys",
  async run({ target: { maxBodySize }, client }) {
    if (maxBodySize === undefined) return inconclusive("not measured: the limit is not known here");
    const bytes = maxBodySize + 1;
    const { status, text } = await client.send("/v1/chat/completions", {
      method: "POST",
      key: client.key,
      headers: { "content-length": String(bytes) },
      body: Readable.from(oversized(bytes)),
    });
    const faults = status === 413 ? [] : [`status ${status}`];
    return judge(isError(text) ? faults : [...faults, "not in OpenAI's form"], "413", { body: text.slice(0, 200) });
  },
};
