import type { StackConfig } from "../plan/config/schema";
import { secretsInState } from "../plan/report/known";
import { pulumiEnvironment } from "../toolchain/environment";
import { pulumiCli } from "../toolchain/pulumi-cli";
import { CommandFailure, EXIT } from "./failure";
import { Pulumi } from "./pulumi";

/** Pulumi's state of a stack as it lies there. */
export interface OpenedState {
  /** As `pulumi stack export --show-secrets` prints it. */
  readonly state: string;
  readonly secrets: readonly string[];
  /** The stack's outputs, secrets in clear. */
  outputs(): Promise<Record<string, unknown>>;
}

/**
 * Opens the state without making anything: no tool is installed for it, and no stack comes to be.
 * @throws CommandFailure where it cannot be opened
 */
export async function openPulumi(stack: string, { target }: StackConfig): Promise<OpenedState> {
  const cli = await pulumiCli().find();
  if (cli === undefined)
    throw new CommandFailure(
      "Pulumi's CLI is not installed here, so its state was not read",
      `npm run doctor -- ${stack} --fix`,
      EXIT.internal,
    );
  const sandbox = target.kind === "sandbox";
  const pulumi = new Pulumi(stack, pulumiEnvironment({ pulumi: cli, plugins: [], sandbox }));
  if (!(await pulumi.hasResources()))
    throw new CommandFailure(
      `nothing of ${stack} is deployed by Pulumi's state${pulumi.backend === undefined ? "" : ` (${pulumi.backend})`}`,
      `npm run up -- ${stack} deploys it; what another clone or PULUMI_BACKEND_URL has deployed is reported with those`,
      EXIT.failed,
    );
  const state = await pulumi.exportWithSecrets();
  return { state, secrets: secretsInState(state), outputs: () => pulumi.outputs() };
}
