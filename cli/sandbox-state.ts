import { loadExeca } from "../toolchain/execa";
import { CommandFailure } from "./failure";
import type { Project } from "./project";

export type SandboxState = "running" | "stopped" | "missing";

/** The sandbox and its network have the same name. */
export const containerName = (id: string) => `tms-llm-${id}`;

/** Whether the stack's sandbox is there; undefined where the target is no sandbox. */
export async function sandboxState(
  { context }: Project,
  environment: Readonly<Record<string, string>> = {},
): Promise<SandboxState | undefined> {
  if (!context.sandbox) return undefined;
  const execa = await loadExeca();
  const asked = await execa(
    "docker",
    ["container", "inspect", "--format", "{{.State.Running}}", containerName(context.sandbox.id)],
    {
      env: { ...environment },
      reject: false,
    },
  );
  if (asked.exitCode !== 0) return "missing";
  return asked.stdout.trim() === "true" ? "running" : "stopped";
}

/** Starts a sandbox that stopped, and says so; one that is missing is Pulumi's to make. */
export async function wakeSandbox(
  project: Project,
  environment: Readonly<Record<string, string>>,
): Promise<SandboxState | undefined> {
  const state = await sandboxState(project, environment);
  if (state !== "stopped") return state;
  const name = containerName(project.context.sandbox!.id);
  console.error(`The sandbox ${name} was stopped; starting it.`);
  const execa = await loadExeca();
  const started = await execa("docker", ["start", name], { env: { ...environment }, reject: false });
  if (started.exitCode !== 0) {
    throw new CommandFailure(
      `the sandbox ${name} does not start: ${started.stderr.trim()}`,
      `docker rm ${name}, then run up again: it is made anew`,
    );
  }
  return "running";
}
