import { PYTHON_ENGINES, type PythonEngineKind } from "../catalog/python-engines";
import { engineHome } from "../engines/python-environment";
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
