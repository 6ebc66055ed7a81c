import { smokeTarget } from "../plan/smoke-target";
import { loadExeca } from "../toolchain/execa";
import { endpointOutputs } from "./outputs";
import { PROJECT, type Project } from "./project";
import type { OpenedState } from "./report-pulumi";

/** A proof of an endpoint that hangs hangs at each of its checks. */
const LONGEST_PROOF_MILLISECONDS = 300_000;

/** Proves the endpoint now, in a process that can be ended. @returns the report as JSON @throws where there is none */
export async function proof(project: Project, pulumi: Pick<OpenedState, "outputs">): Promise<string> {
  const { apiKeys, caCertificate } = await endpointOutputs(pulumi, project.stack);
  const execa = await loadExeca();
  const run = await execa("node", ["--import", "tsx", "smoke/main.ts", "--json"], {
    cwd: PROJECT,
    input: JSON.stringify(smokeTarget({ ...project, keys: apiKeys, caCertificate })),
    timeout: LONGEST_PROOF_MILLISECONDS,
    reject: false,
  });
  if (run.timedOut) throw new Error(`the proof took longer than ${LONGEST_PROOF_MILLISECONDS / 1000} s`);
  if (!run.stdout.startsWith("{")) throw new Error(`the proof could not be made: ${run.stderr.trim()}`);
  return run.stdout;
}
