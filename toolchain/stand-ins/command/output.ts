/** What a command left behind: both streams as they came, and together in the order of arrival. */
export interface CommandOutput {
  readonly stdout: string;
  readonly stderr: string;
}

/** Collects a command's streams. */
export class OutputCollector {
  private readonly stdout: Buffer[] = [];
  private readonly stderr: Buffer[] = [];
  private readonly both: Buffer[] = [];

  add(stream: "stdout" | "stderr", chunk: Buffer): void {
    this[stream].push(chunk);
    this.both.push(chunk);
  }

  /**
   * The outputs as the official plugin keeps them: one trailing newline cut.
   *
   * @throws when a stream is not UTF-8: such bytes cannot be kept in a state, the official plugin fails there too.
   */
  finish(): CommandOutput {
    return { stdout: kept("stdout", this.stdout), stderr: kept("stderr", this.stderr) };
  }

  /**
   * The official plugin's words for a command that failed: how it ended, the command quoted as Go's %q does, and all
   * of its output. Never its stdin.
   */
  failure(end: string, command: string): Error {
    return new Error(`${end}: running ${goQuoted(command)}:\n${Buffer.concat(this.both).toString("utf8")}`);
  }
}

function kept(stream: string, chunks: readonly Buffer[]): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new Error(
      `the command's ${stream} is not valid UTF-8, which the state cannot hold. ` +
        "Let the command print text only, or write its output to a file.",
    );
  }
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}

const GO_ESCAPES: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  '"': '\\"',
  "\\": "\\\\",
};

/** A string as Go's %q writes it. */
export function goQuoted(text: string): string {
  const escaped = Array.from(text, (character) => {
    const short = GO_ESCAPES[character];
    if (short !== undefined) return short;
    // Go prints a character of a visible category, and the plain space, as it is.
    if (character === " " || /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character)) return character;
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
  });
  return `"${escaped.join("")}"`;
}

/** Which streams `logging` lets through; both when it is not given. */
export function isLogged(stream: "stdout" | "stderr", logging: unknown): boolean {
  return logging === undefined || logging === "stdoutAndStderr" || logging === stream;
}

/** Cuts a stream into lines and hands each one on as soon as it is complete. */
export class LineReporter {
  private rest = "";
  private readonly decoder = new TextDecoder();

  constructor(private readonly report: (line: string) => void) {}

  add(chunk: Buffer): void {
    const lines = (this.rest + this.decoder.decode(chunk, { stream: true })).split("\n");
    this.rest = lines.pop() ?? "";
    for (const line of lines) this.report(line.replace(/\r$/, ""));
  }

  end(): void {
    if (this.rest !== "") this.report(this.rest);
    this.rest = "";
  }
}
