import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type CommandOptions, runCommand } from "./command";
import { isDebianLike, isRoot, osRelease } from "./debian";
import { ToolchainError } from "./failure";
import { findInstrument, type Instrument } from "./instrument";
import { makeOnce } from "./once";
import type { Intent, Piece } from "./piece";
import { cacheFolder } from "./places";
import { lineProgress } from "./progress";
import { Run } from "./run";
import { actionlint, zizmor } from "./workflow-linters";

/** Programs that only tests use. Installing nginx would start a server on this machine, so its package is only unpacked. */

interface DebianProgram {
  readonly program: string;
  /** Debian package that has it. */
  readonly package: string;
  /** Where it lies in the package. */
  readonly folder: string;
}

const DEBIAN_PROGRAMS: readonly DebianProgram[] = [
  { program: "nginx", package: "nginx", folder: "usr/sbin" },
  { program: "shellcheck", package: "shellcheck", folder: "usr/bin" },
  { program: "ssh-agent", package: "openssh-client", folder: "usr/bin" },
];

/** Whether every library that the program wants is installed here. */
function hasItsLibraries(path: string): boolean {
  return !execFileSync("ldd", [path], { encoding: "utf8" }).includes("not found");
}

function fromDebian({ program, package: name, folder }: DebianProgram): Piece<Instrument> {
  const { ID = "", VERSION_ID = "" } = osRelease();
  const target = join(cacheFolder(), "instruments", `${name}-${ID}-${VERSION_ID}`);
  const failure = `${program} for the tests could not be had.`;
  const wayOut = `Install ${name}, or go without: the tests that need it are skipped.`;
  return {
    name: `${program} (for tests)`,
    find: () => Promise.resolve(findInstrument(program, join(target, folder))),
    plan(): Promise<Intent> {
      if (!isDebianLike()) return Promise.reject(new ToolchainError(failure, "this system has no apt", wayOut));
      return Promise.resolve({ how: "Debian package, unpacked into the cache and not installed", seconds: 5 });
    },
    async make(report) {
      report(`fetching the package ${name}`);
      const options = { log: "test-instruments", failure, wayOut };
      await makeOnce(
        target,
        async (path) => {
          mkdirSync(path);
          await download(name, { ...options, cwd: path });
          await runCommand("sh", ["-c", `dpkg-deb -x ./*.deb . && rm ./*.deb`], { ...options, cwd: path });
          if (!hasItsLibraries(join(path, folder, program))) {
            throw new ToolchainError(failure, `a library that ${program} needs is not installed`, wayOut);
          }
        },
        () => report("waiting for another run"),
      );
      return { folder: join(target, folder) };
    },
  };
}

async function download(name: string, options: CommandOptions): Promise<void> {
  const fetch = () => runCommand("apt-get", ["-q", "download", name], options);
  try {
    await fetch();
  } catch (error) {
    // A fresh machine has no package lists, and only root may fetch them.
    if (!isRoot()) throw error;
    await runCommand("apt-get", ["-q", "update"], options);
    await fetch();
  }
}

/**
 * Has every instrument that this machine can have; what it cannot is said, and its tests are skipped.
 * @returns the value of PATH with which tests find them
 */
export async function ensureTestInstruments(say: (line: string) => void): Promise<string> {
  const folders: string[] = [];
  for (const piece of [...DEBIAN_PROGRAMS.map(fromDebian), actionlint, zizmor]) {
    const run = new Run();
    const slot = run.add(piece);
    try {
      await run.make(lineProgress(say));
      const { folder } = await slot.result;
      if (folder !== undefined) folders.push(folder);
    } catch (error) {
      if (!(error instanceof ToolchainError)) throw error;
      say(error.message);
    }
  }
  return [...folders, process.env["PATH"] ?? ""].join(delimiter);
}
