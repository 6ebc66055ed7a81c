import { spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runCommand } from "./command";
import { contextHost } from "./docker-context";
import { installPackages, isDebianLike, isRoot, missingTools } from "./debian";
import { ToolchainError } from "./failure";
import type { Intent, Piece, Report } from "./piece";
import { cacheFolder } from "./places";

/** A Docker daemon that answers. */
export interface Docker {
  /** Value for DOCKER_HOST. */
  readonly host: string;
  readonly version: string;
}

/** Why there is no daemon to talk to. */
export type DockerAbsence = "not installed" | "no permission" | "not running";

export const DEFAULT_SOCKET = "/var/run/docker.sock";
const PACKAGE = "docker.io";
const CLIENT_PACKAGE = "docker-cli";

/** The daemon that somebody chose, by Docker's own rules. */
const chosenHost = () =>
  process.env["DOCKER_HOST"] ??
  contextHost(process.env["DOCKER_CONFIG"] ?? join(homedir(), ".docker"), process.env["DOCKER_CONTEXT"]);

/** Sockets in the order of Docker's own preference, then those of Docker Desktop and of a rootless daemon. */
function sockets(): string[] {
  const unix = "unix://";
  const chosen = chosenHost();
  const socket = chosen?.startsWith(unix) ? [chosen.slice(unix.length)] : [];
  if (process.env["DOCKER_HOST"] && socket.length > 0) return socket;
  const runtime = process.env["XDG_RUNTIME_DIR"];
  return [
    ...socket,
    DEFAULT_SOCKET,
    join(homedir(), ".docker/run/docker.sock"),
    ...(runtime === undefined ? [] : [join(runtime, "docker.sock")]),
  ];
}

/** Asks the daemon's HTTP interface. @throws the socket's error (ENOENT, EACCES, ECONNREFUSED) */
export function askDocker(host: string, path: string): Promise<{ status: number; body: unknown }> {
  const address = host.startsWith("unix://") ? { socketPath: host.slice("unix://".length) } : hostAndPort(host);
  return new Promise((resolve, reject) => {
    const asking = request({ ...address, path, timeout: 3000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({
          status: response.statusCode ?? 0,
          body: text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : text,
        });
      });
    });
    asking.on("timeout", () => asking.destroy(new Error("no answer within 3 s")));
    asking.on("error", reject);
    asking.end();
  });
}

function hostAndPort(host: string): { hostname: string; port: string } {
  const url = new URL(host.replace(/^tcp:/, "http:"));
  return { hostname: url.hostname, port: url.port || "2375" };
}

async function daemonAt(host: string): Promise<Docker> {
  const { body } = await askDocker(host, "/version");
  return { host, version: (body as { Version: string }).Version };
}

async function look(): Promise<Docker | DockerAbsence> {
  const chosen = chosenHost();
  if (chosen?.startsWith("tcp://")) return daemonAt(chosen).catch(() => "not running" as const);
  let absence: DockerAbsence = "not installed";
  for (const socket of sockets()) {
    try {
      return await daemonAt(`unix://${socket}`);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EACCES" || code === "EPERM") absence = "no permission";
      else if (absence !== "no permission" && (code !== "ENOENT" || daemonInstalled())) absence = "not running";
    }
  }
  return absence;
}

function daemonInstalled(): boolean {
  return ["/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd"].some((path) => existsSync(path));
}

/** What a user without the means to repair it is told. */
export function absenceError(absence: DockerAbsence): ToolchainError {
  switch (absence) {
    case "not installed":
      return missingTools("The sandbox needs Docker", [PACKAGE]);
    case "no permission":
      return new ToolchainError(
        "The sandbox needs Docker, and its daemon refuses this user.",
        `no permission to open the daemon's socket (${sockets()[0]})`,
        "Run `sudo usermod -aG docker $USER`, log in anew, then run the command again.",
      );
    case "not running":
      if (process.env["DOCKER_HOST"]) {
        return new ToolchainError(
          "The sandbox needs Docker, and nothing answers where DOCKER_HOST says.",
          `no daemon at ${process.env["DOCKER_HOST"]}`,
          "Start that daemon, or unset DOCKER_HOST to use this machine's own; then run the command again.",
        );
      }
      return new ToolchainError(
        "The sandbox needs Docker, and its daemon does not run.",
        `nothing answers at ${process.env["DOCKER_HOST"] ?? sockets()[0]}`,
        "Start it (`sudo systemctl start docker`, or Docker Desktop), then run the command again.",
      );
    default:
      return absence satisfies never;
  }
}

/** Asks the daemon to start. Resolves when it was asked; the result is its last words, should it end. */
async function start(report: Report): Promise<{ ended?: string }> {
  report("starting the daemon");
  if (existsSync("/run/systemd/system")) {
    await runCommand("systemctl", ["start", "docker.service"], {
      log: "docker",
      failure: "The Docker daemon could not be started.",
      wayOut: "Look at `journalctl -u docker`.",
    });
    return {};
  }
  // No init system: the daemon has to outlive this command, in a session of its own.
  mkdirSync(join(cacheFolder(), "logs"), { recursive: true });
  const log = openSync(daemonLog(), "a");
  const daemon = spawn("dockerd", [], { detached: true, stdio: ["ignore", log, log] });
  const state: { ended?: string } = {};
  daemon.on("error", ({ message }) => (state.ended = message));
  daemon.on("exit", () => (state.ended = lastLine(daemonLog())));
  daemon.unref();
  return state;
}

const daemonLog = () => join(cacheFolder(), "logs", "dockerd.log");

const lastLine = (file: string) => readFileSync(file, "utf8").trimEnd().split("\n").at(-1) ?? "";

async function waitForDaemon(daemon: { readonly ended?: string }, seconds: number): Promise<Docker> {
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline && daemon.ended === undefined) {
    const found = await look();
    if (typeof found !== "string") return found;
    await sleep(250);
  }
  throw new ToolchainError(
    "The Docker daemon was started and does not answer.",
    daemon.ended ?? `nothing answered within ${seconds} s`,
    `Read ${daemonLog()}, or start Docker yourself and run the command again.`,
  );
}

/** The client knows the usual socket alone; whoever runs it here or in what is started from here means the daemon that was found. */
function meant(found: Docker): Docker {
  if (found.host !== `unix://${DEFAULT_SOCKET}`) process.env["DOCKER_HOST"] ??= found.host;
  return found;
}

export const docker: Piece<Docker> = {
  name: "Docker",
  async find() {
    const found = await look();
    return typeof found === "string" ? undefined : meant(found);
  },
  async plan(): Promise<Intent> {
    const absence = await look();
    // A daemon that is started here would not be the one that was asked for.
    if (process.env["DOCKER_HOST"] && absence !== "no permission") throw absenceError("not running");
    if (absence === "not installed" && isRoot() && isDebianLike()) {
      return { how: "Debian package, daemon started here", seconds: 30, packages: [PACKAGE] };
    }
    if (absence === "not running" && isRoot()) return { how: "installed; daemon started here", seconds: 3 };
    throw absenceError(typeof absence === "string" ? absence : "not running");
  },
  async make(report) {
    const found = await look();
    if (typeof found !== "string") return meant(found);
    if (found === "no permission" || !isRoot()) throw absenceError(found);
    // The package starts the daemon by itself where there is an init system.
    if (found === "not installed") {
      await installPackages([PACKAGE], "Docker", report);
      // From Debian 13 on the client is a package of its own, of which older ones know nothing.
      if (!existsSync("/usr/bin/docker")) await installPackages([CLIENT_PACKAGE], "Docker's client", report);
    }
    const started = typeof (await look()) === "string" ? await start(report) : {};
    return meant(await waitForDaemon(started, 30));
  },
};
