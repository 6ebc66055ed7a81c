/** Asks a person at the terminal; anything but yes is no. */
export async function confirm(question: string): Promise<boolean> {
  const { createInterface } = await import("node:readline/promises");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test(await answerOrNothing(terminal, `${question} [y/N] `));
  } finally {
    terminal.close();
  }
}

interface Terminal {
  question(question: string): Promise<string>;
  once(event: "close", listener: () => void): unknown;
}

/** What was typed; nothing where the terminal is closed over the question, by Ctrl-C or Ctrl-D. */
export function answerOrNothing(terminal: Terminal, question: string): Promise<string> {
  const closed = new Promise<string>((resolve) => terminal.once("close", () => resolve("")));
  return Promise.race([closed, terminal.question(question)]);
}
