#!/usr/bin/env node
// What `npm run <verb>` calls. Runs on Node 18 and newer without any dependency, and sees to it that the rest of the project
// gets a suitable Node and its packages; then cli/main.ts takes over, in a process of its own.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { constants, homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));
/** Oldest Node under which all dependencies run. */
const NODE_NEEDED = [22, 19];
/** The one that is fetched where the machine's own is older. */
const NODE_PINNED = "24.21.0";
const EXIT_TOOLCHAIN = 3;

const nodePackage = `node-${process.platform}-${process.arch}`;
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "tms-llm");
const nodeFolder = join(cache, "node", NODE_PINNED);
const pinnedNode = join(nodeFolder, "bin", "node");

main();

function main() {
  const suitable = isSuitable(process.versions.node);
  const nodeMissing = !suitable && !existsSync(pinnedNode);
  const packagesMissing = !packagesInLine();
  const list = [
    ...(nodeMissing ? [`Node.js ${NODE_PINNED} (npm package ${nodePackage}, about 60 MB) into ${nodeFolder}`] : []),
    ...(packagesMissing
      ? [
          `this project's packages from package-lock.json (npm install, about 30 s) into ${join(PROJECT, "node_modules")}`,
        ]
      : []),
  ];
  if (list.length > 0) console.error(`Going to install:\n${list.map((line) => `  - ${line}`).join("\n")}`);
  if (nodeMissing) installNode();
  if (packagesMissing) installPackages();
  handOver(suitable ? process.execPath : pinnedNode);
}

function isSuitable(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > NODE_NEEDED[0] || (major === NODE_NEEDED[0] && minor >= NODE_NEEDED[1]);
}

/**
 * npm notes in node_modules/.package-lock.json what it has installed: everything but packages for other platforms. Those may
 * also be absent from the lock file, and then say nothing about it.
 */
function packagesInLine() {
  const wanted = readPackages(join(PROJECT, "package-lock.json"));
  const installed = readPackages(join(PROJECT, "node_modules", ".package-lock.json"));
  if (installed === undefined) return false;
  return Object.entries(wanted).every(([path, { version, integrity, optional }]) => {
    const found = installed[path];
    if (path === "" || (found === undefined && optional)) return true;
    return found?.version === version && found?.integrity === integrity;
  });
}

function readPackages(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).packages : undefined;
}

function installNode() {
  mkdirSync(dirname(nodeFolder), { recursive: true });
  const workshop = mkdtempSync(join(dirname(nodeFolder), ".node-"));
  try {
    npm(["install", "--prefix", workshop, "--no-save", "--no-package-lock", `${nodePackage}@${NODE_PINNED}`], {
      cwd: workshop,
      what: `Node.js ${NODE_PINNED} could not be installed.`,
      wayOut: `Install Node.js ${NODE_NEEDED.join(".")} or newer yourself, then run the command again.`,
    });
    // Another run may have come first; its result is the same.
    if (!existsSync(pinnedNode)) renameSync(join(workshop, "node_modules", nodePackage), nodeFolder);
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
}

/**
 * As the lock file says, but not by `npm ci`: that refuses a lock file which lacks a package for another platform, and not
 * every registry has those.
 */
function installPackages() {
  npm(["install", "--no-save"], {
    cwd: PROJECT,
    what: "The project's packages could not be installed.",
    wayOut: "Check with `npm ping` that the package registry is reachable, then run the command again.",
  });
}

/**
 * Install scripts stay off: nothing here needs them, and what they would download may be out of reach. What is for
 * development belongs to it: stand-ins are built from it, and NODE_ENV=production would leave it out.
 */
function npm(args, { cwd, what, wayOut }) {
  const options = [
    "--include=dev",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--loglevel=error",
  ];
  const [command, ...first] = npmCommand();
  const result = spawnSync(command, [...first, ...args, ...options], { cwd, stdio: ["ignore", 2, 2] });
  if (result.status === 0) return;
  const why =
    result.error === undefined
      ? `npm ended with ${result.status ?? result.signal}; its messages are above`
      : result.error.message;
  console.error(`${what}\n  Why: ${why}\n  Way out: ${wayOut}`);
  process.exit(EXIT_TOOLCHAIN);
}

/** The npm that started this script, else the one on PATH. */
function npmCommand() {
  const running = process.env.npm_execpath;
  return running !== undefined && /\.c?js$/.test(running) ? [process.execPath, running] : ["npm"];
}

function handOver(node) {
  const child = spawn(node, ["--import", "tsx", join(PROJECT, "cli", "main.ts"), ...process.argv.slice(2)], {
    cwd: PROJECT,
    stdio: "inherit",
    env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ""}` },
  });
  passSignals(child);
  child.on("error", (error) => {
    console.error(
      `The command could not be started.\n  Why: ${error.message}\n  Way out: delete ${nodeFolder} and run it again.`,
    );
    process.exit(EXIT_TOOLCHAIN);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

/**
 * The child has to see each request to stop once: Pulumi takes a second Ctrl-C for "at once, without cleaning up". A terminal
 * sends Ctrl-C to both processes, and npm repeats it to this one only; without a terminal it is this process that is asked.
 */
function passSignals(child) {
  const fromTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  let last = -Infinity;
  process.on("SIGINT", () => {
    const repeated = performance.now() - last < 500;
    last = performance.now();
    if (!fromTerminal && !repeated) child.kill("SIGINT");
  });
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
}
