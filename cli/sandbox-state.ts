import { loadExeca } from "./execa";
import type { Project } from "./project";

/** A sandbox that stopped is started; one that is gone must be made anew, which Pulumi learns by a refresh. */
export async function wakeSandbox(
  { context }: Project,
  environment: Readonly<Record<string, string>>,
): Promise<"running" | "missing" | "none"> {
  if (!context.sandbox) return "none";
  const execa = await loadExeca();
  const name = `tms-llm-${context.sandbox.id}`;
  const docker = (...args: string[]) => execa("docker", args, { env: { ...environment }, reject: false });
  const state = await docker("container", "inspect", "--format", "{{.State.Running}}", name);
  if (state.exitCode !== 0) return "missing";
  if (state.stdout.trim() !== "true") {
    console.error(`The sandbox ${name} was stopped; starting it.`);
    await docker("start", name);
  }
  return "running";
}
