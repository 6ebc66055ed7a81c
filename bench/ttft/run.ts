import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { CommandFailure, EXIT, UsageError } from "../../cli/failure";
import { hostAddress, type Project } from "../../cli/project";
import { runOverSsh } from "../../cli/ssh";
import { makeReport, type TtftReport } from "./report";
import { clientPlan, NAMES, type Rounds, type SideName } from "./sides";

const times = z.array(z.number().positive());
const samplesSchema = z.object(
  Object.fromEntries(Object.keys(NAMES).map((name) => [name, times])) as Record<SideName, typeof times>,
);

/**
 * Measures what the gateway adds to the time to first token, on the deployed host.
 * @throws CommandFailure when a side does not answer as it should
 */
export async function measureTtft(project: Project, key: string, rounds: Rounds): Promise<TtftReport> {
  const { engine } = project.config;
  if (engine.kind !== "ollama")
    throw new UsageError(`${engine.kind} has no port to ask directly`, "take a stack with Ollama");
  const plan = clientPlan(project.config, engine.port, key, rounds);
  const [began, load] = [new Date(), loadavg()[0]!];
  const client = readFileSync(join(__dirname, "client.py"), "utf8");
  // A JSON text is a Python literal too; the key goes through standard input.
  const program = `import json\nPLAN = json.loads(${JSON.stringify(JSON.stringify(plan))})\n${client}`;
  const { code, stdout, stderr } = await runOverSsh(hostAddress(project), "python3 -", { stdin: program });
  if (code !== 0)
    throw new CommandFailure(
      `the client on the host failed: ${stderr.trim().replaceAll(key, "[key]").slice(-600)}`,
      `npm run smoke -- ${project.stack} tells whether the endpoint is well`,
      EXIT.internal,
    );
  const samples = samplesSchema.parse(JSON.parse(stdout));
  return makeReport({ ...{ began, load, samples }, seed: rounds.seed, model: project.config.models[0]!.name });
}
