import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { runCommand } from "./command";
import { ToolchainError } from "./failure";
import type { Report } from "./piece";

/** What `/etc/os-release` says; empty where there is none (macOS). */
export function osRelease(file = "/etc/os-release"): Readonly<Record<string, string>> {
  if (!existsSync(file)) return {};
  const lines = readFileSync(file, "utf8").matchAll(/^([A-Z_]+)="?([^"\n]*)"?$/gm);
  return Object.fromEntries([...lines].map(([, key, value]) => [key!, value!]));
}

/** Debian, Ubuntu and their children, where packages come from apt. */
export function isDebianLike(release = osRelease()): boolean {
  return [release["ID"], ...(release["ID_LIKE"] ?? "").split(" ")].some((id) => id === "debian" || id === "ubuntu");
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

let turn: Promise<unknown> = Promise.resolve();

/**
 * Installs Debian packages that are missing. apt allows one installation at a time, so callers queue.
 * @throws ToolchainError without root or on another system, with the list of what is missing
 */
export function installPackages(packages: readonly string[], purpose: string, report: Report): Promise<void> {
  const mine = turn.then(() => install(packages, purpose, report));
  turn = mine.catch(() => undefined);
  return mine;
}

/** Those of `packages` that dpkg does not have installed; all of them where there is no dpkg. */
function missingPackages(packages: readonly string[]): string[] {
  // The exit status only says that some are unknown to dpkg, which is what is being asked.
  if (!existsSync("/usr/bin/dpkg-query")) return [...packages];
  const query = spawnSync("dpkg-query", ["-W", "-f", "${Package} ${db:Status-Status}\n", ...packages], {
    encoding: "utf8",
  });
  const installed = new Set(query.stdout.split("\n"));
  return packages.filter((name) => !installed.has(`${name} installed`));
}

/**
 * Those of `packages` that will be installed when the piece is made.
 * @throws ToolchainError where some are missing and this user or system cannot install them
 */
export function packagesToInstall(packages: readonly string[], purpose: string): string[] {
  const missing = missingPackages(packages);
  if (missing.length > 0 && !(isRoot() && isDebianLike())) throw missingTools(purpose, missing);
  return missing;
}

async function install(packages: readonly string[], purpose: string, report: Report): Promise<void> {
  const missing = packagesToInstall(packages, purpose);
  if (missing.length === 0) return;
  const failure = `${purpose}: ${missing.join(", ")} could not be installed.`;
  const options = {
    log: "apt",
    failure,
    wayOut: `Install ${missing.join(", ")} yourself (\`apt-get install ${missing.join(" ")}\`), then run the command again.`,
    env: { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" },
  };
  const apt = (...args: string[]) => runCommand("apt-get", ["-q", "-o", "DPkg::Lock::Timeout=300", ...args], options);
  report("reading the package lists");
  await apt("update");
  report(`installing ${missing.join(", ")}`);
  await apt("install", "-y", "--no-install-recommends", ...missing);
}

/** The message for a user who may not install packages: all that is missing, at once. */
export function missingTools(purpose: string, missing: readonly string[]): ToolchainError {
  const why = isDebianLike() ? "this needs root, and the command runs as an ordinary user" : "this system has no apt";
  return new ToolchainError(
    `${purpose}: missing on this machine: ${missing.join(", ")}.`,
    why,
    isDebianLike()
      ? `Run \`sudo apt-get install ${missing.join(" ")}\`, then the command again.`
      : `Install them with your system's package manager, then run the command again.`,
  );
}
