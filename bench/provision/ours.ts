import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { mkdirSync } from "node:fs";
import { runContender, runIdle } from "./command";
import type { Contender } from "./contender";
import { ACCESS_VARIABLE } from "./ours/access";

const PROGRAM = join(__dirname, "ours");
const STACK = "bench";

/** The project's own way: `pulumi up` of the restricted program, and its drift check. */
export function ours(pulumiEnvironment: Readonly<Record<string, string>>): Contender {
  const name = "tms-llm";
  return {
    name,
    async prepare({ access }, folder) {
      const state = join(folder, "state");
      mkdirSync(state, { recursive: true });
      const env = {
        ...pulumiEnvironment,
        // A state of its own: a fresh host is a fresh stack.
        PULUMI_BACKEND_URL: pathToFileURL(state).href,
        [ACCESS_VARIABLE]: JSON.stringify(access),
      };
      const pulumi = (...args: string[]) => ({
        file: "pulumi",
        args: [...args, "--stack", STACK, "--non-interactive", "--color", "never"],
        cwd: PROGRAM,
        env,
      });
      const up = pulumi("up", "--yes", "--skip-preview", "--suppress-outputs");
      await runContender(name, pulumi("stack", "init"));
      return {
        fresh: async () => {
          await runContender(name, up);
        },
        "no-op": () => runIdle(name, up, /^ {4}\d+ unchanged$/m),
        check: async () => {
          const drift = { file: process.execPath, args: ["--import", "tsx", join(PROGRAM, "drift.ts")], env };
          await runContender(name, drift);
        },
      };
    },
  };
}
