import { PYTHON_ENGINES, type PythonEngineKind } from "../catalog/python-engines";
import { engineHome } from "../engines/python-environment";
import type { Plan } from "../plan";
import { ENGINE_UNIT } from "../step";

/** What the engine reads at its start: another text of it restarts the engine. */
const READ_AT_START: readonly string[] = [
  ...Object.values(ENGINE_UNIT).map((unit) => `/etc/systemd/system/${unit}`),
  ...Object.keys(ENGINE_UNIT).map((kind) => `/etc/tms-llm/${kind}.env`),
  ...(Object.keys(PYTHON_ENGINES) as PythonEngineKind[]).map((kind) => `${engineHome(kind)}/deployments/`),
];

/** Whether a deployment that changes these files restarts the engine, and so pauses the endpoint. */
export const restartsEngine = (paths: readonly string[]): boolean =>
  paths.some((path) => READ_AT_START.some((start) => path.startsWith(start)));

/** What clients notice of a restart, for people who decide about one. */
export const RESTART_NOTICE =
  "The engine restarts: new requests get 503 with Retry-After until it has proven itself. Answers that are under way may go on for `engine.drain`.";

type PlannedSteps = Pick<Plan, "steps">;

/** Paths of files that one of two plans lacks, or has with another text, owner or mode. */
export function differingFiles(former: PlannedSteps, next: PlannedSteps): string[] {
  const [before, after] = [former, next].map(
    ({ steps }) => new Map(steps.flatMap(({ files }) => files.map((file) => [file.path, JSON.stringify(file)]))),
  ) as [Map<string, string>, Map<string, string>];
  return [...new Set([...before.keys(), ...after.keys()])].filter((path) => before.get(path) !== after.get(path));
}
