import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { createReadStream, createWriteStream } from "node:fs";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { ToolchainError } from "./failure";
import { fetchFile } from "./internet";
import type { Report } from "./piece";

/** SHA-256 of a file, in hexadecimal digits. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** A small text file. @throws ToolchainError */
export async function downloadText(url: string): Promise<string> {
  const { body } = await get(url, AbortSignal.timeout(30_000));
  return text(body);
}

/**
 * Downloads to `path` and returns the file's SHA-256.
 * @param report told every few seconds how much has arrived
 */
export async function downloadFile(url: string, path: string, report: Report): Promise<string> {
  const { body, total } = await get(url);
  const hash = createHash("sha256");
  let arrived = 0;
  let told = Date.now();
  const measure = async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      arrived += chunk.length;
      if (Date.now() - told > 5000) {
        told = Date.now();
        report(`downloading: ${megabytes(arrived)}${total > 0 ? ` of ${megabytes(total)}` : ""}`);
      }
      yield chunk;
    }
  };
  try {
    await pipeline(body, measure, createWriteStream(path));
  } catch (error) {
    throw failure(url, (error as Error).message);
  }
  return hash.digest("hex");
}

interface Answer {
  readonly body: Readable;
  /** In bytes; 0 where the server does not tell. */
  readonly total: number;
}

/** Asks a server, or opens a file of a mirror's folder. */
async function get(url: string, signal?: AbortSignal): Promise<Answer> {
  if (url.startsWith("file:")) return openFile(fileURLToPath(url));
  const response = await fetchFile(url, signal).catch((error: unknown) => {
    const { cause, message } = error as Error & { cause?: Error };
    throw failure(url, cause?.message ?? message);
  });
  if (!response.ok) throw failure(url, `the server answered ${response.status}`);
  if (response.body === null) throw failure(url, "the answer was empty");
  return { body: Readable.fromWeb(response.body), total: Number(response.headers.get("content-length") ?? 0) };
}

async function openFile(path: string): Promise<Answer> {
  const { size } = await stat(path).catch((error: unknown) => {
    throw failure(path, (error as Error).message);
  });
  return { body: createReadStream(path), total: size };
}

function failure(url: string, why: string): ToolchainError {
  return new ToolchainError(`${url} could not be downloaded.`, why, "Check the connection and run the command again.");
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
