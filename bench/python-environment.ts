import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { runCommand } from "../toolchain/command";
import { ToolchainError } from "../toolchain/failure";
import { makeOnce } from "../toolchain/once";
import { cacheFolder } from "../toolchain/places";

/** Peers in Python: exactly what a lock file names, checked by hash, made once per machine. */

/** Oldest Python under which all peers run. */
const PYTHON_NEEDED = [3, 11] as const;

export interface Peer {
  /** Name of its package. */
  readonly name: string;
  readonly lockFile: string;
}

/** Name and version of a peer as its lock file pins it, e.g. `pyinfra 3.10.0`. */
export function peerVersion({ name, lockFile }: Peer): string {
  const [, version] = new RegExp(`^${name}==([\\d.]+)`, "m").exec(readFileSync(lockFile, "utf8")) ?? [];
  return `${name} ${version}`;
}

/**
 * A virtual environment with the peer in it.
 * @returns its folder of executables
 * @throws ToolchainError when there is no Python for it, or the package index can't be reached
 */
export async function peerEnvironment(peer: Peer, say: (line: string) => void): Promise<string> {
  await checkPython();
  const lock = createHash("sha256").update(readFileSync(peer.lockFile)).digest("hex");
  const target = join(cacheFolder(), "bench", `venv-${basename(dirname(peer.lockFile))}-${lock.slice(0, 12)}`);
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
        ["-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--requirement", peer.lockFile],
        options,
      );
    },
    () => say(`Waiting for another run that installs ${peer.name}.`),
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
