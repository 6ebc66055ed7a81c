import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../../toolchain/command";
import { ToolchainError } from "../../toolchain/failure";
import { makeOnce } from "../../toolchain/once";
import { cacheFolder } from "../../toolchain/places";

/** Oldest Python under which both peers run. */
const PYTHON_NEEDED = [3, 11] as const;

const lockFile = (peer: string) => join(__dirname, peer, "requirements.txt");

/** Version of a peer as its lock file pins it, e.g. `pyinfra 3.10.0`. */
export function peerVersion(peer: "pyinfra" | "ansible"): string {
  const [, name, version] = /^((?:pyinfra|ansible-core))==([\d.]+)/m.exec(readFileSync(lockFile(peer), "utf8")) ?? [];
  return `${name} ${version}`;
}

/**
 * A virtual environment with exactly what the peer's lock file names, checked by hash; made once per machine.
 * @returns its folder of executables
 */
export async function peerEnvironment(peer: "pyinfra" | "ansible", say: (line: string) => void): Promise<string> {
  await checkPython();
  const lock = createHash("sha256")
    .update(readFileSync(lockFile(peer)))
    .digest("hex");
  const target = join(cacheFolder(), "bench", `venv-${peer}-${lock.slice(0, 12)}`);
  const options = {
    log: "bench-peers",
    failure: `${peerVersion(peer)} could not be installed for the comparison.`,
    wayOut: "Check that pip reaches its package index, then run the command again.",
  };
  await makeOnce(
    target,
    async (path) => {
      say(`Going to install ${peerVersion(peer)} from its lock file into ${target}.`);
      await runCommand("python3", ["-m", "venv", path], options);
      // Scripts would name the temporary folder as their interpreter's; modules are run through the interpreter instead.
      await runCommand(
        join(path, "bin", "python"),
        ["-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--requirement", lockFile(peer)],
        options,
      );
    },
    () => say(`Waiting for another run that installs ${peer}.`),
  );
  return join(target, "bin");
}

async function checkPython(): Promise<void> {
  const needed = PYTHON_NEEDED.join(".");
  const program = `import sys, venv, ensurepip; sys.exit(sys.version_info < (${PYTHON_NEEDED.join(", ")}))`;
  try {
    await runCommand("python3", ["-c", program], { log: "bench-peers", failure: "", wayOut: "" });
  } catch {
    throw new ToolchainError(
      "The peers of the comparison need Python.",
      `python3 is missing, older than ${needed}, or lacks the module venv`,
      `Install Python ${needed} or newer with venv (Debian: apt-get install python3-venv), then run the command again.`,
    );
  }
}
