import { Writable } from "node:stream";
import { answerOrNothing } from "./confirm";
import { UsageError } from "./failure";

/** A secret is typed at the terminal, where it is not shown, or comes as the first line of standard input. */

/** Age's own advice is eight random letters at least; people's are less random. */
const SHORTEST_PASSPHRASE = 12;

/** @param wayOut how to give it, for the message when there is none */
export async function readPassphrase(question: string, wayOut: string): Promise<string> {
  const given = process.stdin.isTTY ? await askHidden(question) : await firstLine();
  if (given === "") throw new UsageError("no passphrase was given", wayOut);
  return given;
}

/** One that protects something from now on: long enough, and at a terminal typed twice. */
export async function readNewPassphrase(wayOut: string): Promise<string> {
  const given = await readPassphrase("Passphrase of the backup: ", wayOut);
  if (given.length < SHORTEST_PASSPHRASE)
    throw new UsageError(
      `the passphrase has ${given.length} characters, which can be guessed; allowed are ${SHORTEST_PASSPHRASE} and more`,
      "for example six random words",
    );
  if (process.stdin.isTTY && (await askHidden("The same again: ")) !== given)
    throw new UsageError("the two passphrases differ", "run the command again");
  return given;
}

async function firstLine(): Promise<string> {
  const { createInterface } = await import("node:readline/promises");
  const input = createInterface({ input: process.stdin });
  try {
    return await answerOrNothing(input, "");
  } finally {
    input.close();
    // A pipe whose writer stays must not keep the process waiting. A file has no such method.
    (process.stdin as { unref?: () => void }).unref?.();
  }
}

async function askHidden(question: string): Promise<string> {
  const { createInterface } = await import("node:readline/promises");
  // What is typed is echoed into this.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  process.stderr.write(question);
  try {
    return await answerOrNothing(terminal, "");
  } finally {
    terminal.close();
    process.stderr.write("\n");
  }
}
