import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { createReadStream, createWriteStream } from "node:fs";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { ToolchainError } from "./failure";
import { fetchFile, type FetchOptions } from "./internet";
import type { Report } from "./piece";

/** SHA-256 of a file, in hexadecimal digits. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** A small text file. @throws ToolchainError */
export async function downloadText(url: string): Promise<string> {
  try {
    const { body } = await get(url, { signal: AbortSignal.timeout(STALL_MS) });
    return await text(body);
  } catch (error) {
    throw failure(url, reason(error));
  }
}

/** Requests for one file: the first, and two that go on where an earlier one broke off. */
const ATTEMPTS = 3;
/** Longest silence of a server before the next attempt. */
const STALL_MS = 30_000;

export interface DownloadOptions {
  /** Longest silence of a server before the next attempt, in milliseconds; default 30 s. */
  readonly stallMilliseconds?: number;
}

/**
 * Downloads to `path` and returns the file's SHA-256, over all of its bytes. Three attempts: one that breaks off or falls
 * silent is resumed by range, held to the server's ETag; where the server cannot resume, the file is begun anew.
 * @param report told every few seconds how much has arrived
 * @throws ToolchainError
 */
export async function downloadFile(
  url: string,
  path: string,
  report: Report,
  { stallMilliseconds = STALL_MS }: DownloadOptions = {},
): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const progress = { arrived: 0 };
    try {
      return await downloadOnce(url, path, report, stallMilliseconds, progress);
    } catch (error) {
      // Said by the library where half a file is here and the answer to the request for the rest is not that rest: the server
      // takes no ranges, has another file by now, or the address that it had redirected to is no longer valid.
      const cannotResume = progress.arrived > 0 && causeOf(error).code === "UND_ERR_REQ_RETRY";
      if (!cannotResume || attempt === ATTEMPTS) throw failure(url, reason(error));
      report(`the download broke off after ${megabytes(progress.arrived)} and cannot be resumed; beginning anew`);
    }
  }
}

async function downloadOnce(
  url: string,
  path: string,
  report: Report,
  stallMilliseconds: number,
  progress: { arrived: number },
): Promise<string> {
  const { body, total } = await get(url, { stallMilliseconds });
  const hash = createHash("sha256");
  let told = Date.now();
  const measure = async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      progress.arrived += chunk.length;
      if (Date.now() - told > 5000) {
        told = Date.now();
        report(`downloading: ${megabytes(progress.arrived)}${total > 0 ? ` of ${megabytes(total)}` : ""}`);
      }
      yield chunk;
    }
  };
  await pipeline(body, measure, createWriteStream(path));
  return hash.digest("hex");
}

interface Answer {
  readonly body: Readable;
  /** In bytes; 0 where the server does not tell. */
  readonly total: number;
}

/** Asks a server, or opens a file of a mirror's folder. */
async function get(url: string, options: Pick<FetchOptions, "signal" | "stallMilliseconds">): Promise<Answer> {
  if (url.startsWith("file:")) return openFile(fileURLToPath(url));
  // Loaded here, as in `fetchFile`: most runs download nothing.
  const { interceptors } = await import("undici");
  const interceptor = interceptors.retry({ maxRetries: ATTEMPTS - 1, errorCodes: BROKEN_OFF });
  const response = await fetchFile(url, { ...options, interceptor });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  if (response.body === null) throw new Error("the answer was empty");
  return { body: Readable.fromWeb(response.body), total: Number(response.headers.get("content-length") ?? 0) };
}

/** What may be over at the next attempt. A name that nobody knows and a closed port are told at once. */
const BROKEN_OFF = [
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "UND_ERR_SOCKET",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
];

interface Cause extends Error {
  readonly code?: string;
  readonly statusCode?: number;
}

/** `fetch` says "fetch failed" or "terminated", and why in the cause. */
const causeOf = (error: unknown): Cause => ((error as Error).cause ?? error) as Cause;

function reason(error: unknown): string {
  const { statusCode, message } = causeOf(error);
  return statusCode !== undefined && statusCode >= 400 ? `the server answered ${statusCode}` : message;
}

async function openFile(path: string): Promise<Answer> {
  const { size } = await stat(path);
  return { body: createReadStream(path), total: size };
}

function failure(url: string, why: string): ToolchainError {
  return new ToolchainError(
    `${url} could not be downloaded.`,
    why,
    "Check the connection and the proxy of this machine (https_proxy), then run the command again.",
  );
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
