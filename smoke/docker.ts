/** Longest a prober or a look into the sandbox may take, an image's first start included. */
const TIMEOUT_MILLISECONDS = 30_000;

export interface DockerResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a docker command; its own exit code is a result. Throws when there is no docker, no daemon or no container to run
 * it in: then nothing was measured.
 */
export async function docker(args: readonly string[]): Promise<DockerResult> {
  // execa is for ES modules alone, down to its dependencies; a native `import()` is the one way to it from here.
  const { execa } = await import("execa");
  const { exitCode, stdout, stderr, shortMessage } = await execa("docker", args, {
    reject: false,
    timeout: TIMEOUT_MILLISECONDS,
  });
  // 125 to 127: docker itself failed, the command could not be run or was not found. `exec` says 1 for a missing container.
  const unmeasured =
    exitCode === undefined ||
    (exitCode >= 125 && exitCode <= 127) ||
    /Cannot connect to the Docker daemon|permission denied while trying to connect|No such container|is not running/.test(
      stderr,
    );
  if (unmeasured)
    throw new Error(`docker ${args[0]!} did not run: ${stderr.trim().slice(-300) || (shortMessage ?? "")}`);
  return { exitCode, stdout, stderr };
}
