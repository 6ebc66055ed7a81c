import { gunzipSync } from "node:zlib";

/** What a host answered to `templates/report/collect.sh`. */

/** Bytes of one piece, at most; its end is kept. */
export const LONGEST_PIECE = 2 ** 20;

/** Pieces for the redaction alone. */
const PRIVATE = "private/";

/** Exit code of a piece whose program is not on the host. */
const NOT_THERE = 69;
/** Exit codes of `timeout`. */
const OUT_OF_TIME = [124, 137];

// No path that leads out of the report's folder.
const LINE = /^\{"piece":"((?:[\w-]+[./])*[\w-]+)","data":"([A-Za-z0-9+/=]*)","exitCode":(\d+)\}$/;

export interface HostPieces {
  /** Path in the report → text, raw. */
  readonly files: Readonly<Record<string, string>>;
  /** What the redaction has to know of the host; never part of a report. */
  readonly names: string;
  readonly people: string;
  readonly secrets: string;
  /** Paths of files whose beginning was cut off. */
  readonly cut: readonly string[];
  /** Path → why it is not whole or not there. */
  readonly missing: Readonly<Record<string, string>>;
}

/** Reads the host's lines. A line that was broken off, or that a login script printed, says nothing. */
export function readPieces(printed: string): HostPieces {
  const files: Record<string, string> = {};
  const known = new Map<string, string>();
  const cut: string[] = [];
  const missing: Record<string, string> = {};
  for (const line of printed.split("\n")) {
    const [, piece, data, code] = LINE.exec(line) ?? [];
    if (piece === undefined || data === undefined) continue;
    const [bytes, exitCode] = [unpacked(data), Number(code)];
    if (bytes === undefined) {
      if (!piece.startsWith(PRIVATE)) missing[piece] = "what the host sent cannot be unpacked";
      continue;
    }
    const text = wholeLines(bytes);
    if (piece.startsWith(PRIVATE)) {
      known.set(piece.slice(PRIVATE.length), text);
      continue;
    }
    if (exitCode === NOT_THERE) {
      missing[piece] = text.trim().split("\n").at(-1) || "the host does not have what it takes";
      continue;
    }
    if (OUT_OF_TIME.includes(exitCode)) missing[piece] = "the host did not come to its end with it in time";
    if (bytes.length > LONGEST_PIECE) cut.push(piece);
    if (text !== "") files[piece] = text;
  }
  const of = (name: string) => known.get(name) ?? "";
  return { files, names: of("names"), people: of("people"), secrets: of("secrets"), cut, missing };
}

/** Undefined for what is no whole gzip file, or is longer than a host is asked for. */
function unpacked(data: string): Buffer | undefined {
  try {
    return gunzipSync(Buffer.from(data, "base64"), { maxOutputLength: LONGEST_PIECE + 1 });
  } catch {
    return undefined;
  }
}

/** Without the line that a cut went through: half a key is no longer known as one. */
function wholeLines(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  return bytes.length > LONGEST_PIECE ? text.slice(text.indexOf("\n") + 1) : text;
}
