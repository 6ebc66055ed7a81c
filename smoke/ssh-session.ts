import type { Client } from "ssh2";

/** One command over a line that {@link dial} has made. */

export interface Said {
  /** Undefined where the line was cut before the command had ended; 255 where a signal ended it. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SessionOptions {
  readonly stdin?: string;
  /** Sees each line of standard output as it comes, in the place of the result. */
  readonly onLine?: (line: string) => void;
}

/** Printed before the command's own words: a login script may have printed some too. */
const BEGIN = "--- tms-llm begins ---";

function withoutLoginScript(stdout: string): string {
  const begin = stdout.indexOf(`${BEGIN}\n`);
  return begin === -1 ? stdout : stdout.slice(begin + BEGIN.length + 1);
}

/** Runs the command and hangs up. Rejects where the line breaks with an error, or no command can be run on it. */
export function runInSession(client: Client, command: string, { stdin = "", onLine }: SessionOptions = {}) {
  return new Promise<Said>((resolve, reject) => {
    client.on("error", reject);
    client.exec(`echo "${BEGIN}"\n${command}`, (error, channel) => {
      if (error) {
        client.end();
        reject(error);
        return;
      }
      const said = { stdout: "", stderr: "" };
      let line = "";
      channel.setEncoding("utf8");
      channel.stderr.setEncoding("utf8");
      channel.on("data", (text: string) => {
        if (!onLine) {
          said.stdout += text;
          return;
        }
        const lines = (line + text).split("\n");
        line = lines.pop() ?? "";
        for (const whole of lines) if (whole !== BEGIN) onLine(whole);
      });
      channel.stderr.on("data", (text: string) => (said.stderr += text));
      channel.on("close", (code: number | null | undefined) => {
        client.end();
        resolve({ ...said, code: code === null ? 255 : code, stdout: withoutLoginScript(said.stdout) });
      });
      channel.end(stdin);
    });
  });
}
