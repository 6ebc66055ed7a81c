import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "./command";
import { SERVERS } from "../plan/catalog/servers";
import { installPackages, isDebianLike, isRoot, osRelease, packagesToInstall } from "./debian";
import { askDocker, docker, type Docker } from "./docker";
import { ToolchainError } from "./failure";
import { anyReachable } from "./internet";
import { withLock } from "./once";
import type { Intent, Piece, Report } from "./piece";
import { cacheFolder } from "./places";

/** The image of a sandbox: a bare systemd host with sshd, made on this machine from the recipe in `toolchain/sandbox/`. */

const RECIPE = join(__dirname, "sandbox");
const RECIPE_FILES = ["Dockerfile", "configure.sh", "packages", "packages-ahead"];
const SUITE = "bookworm";
const PUBLIC_MIRROR = "http://deb.debian.org/debian";
const PURPOSE = "The sandbox image";
const LOG = "sandbox-image";
const WAY_OUT = "Run the command again; what was begun is not reused.";

/** Tag that changes with the recipe, so that an old image is never taken for the current one. */
export function sandboxImageTag(): string {
  const recipe = createHash("sha256");
  for (const name of RECIPE_FILES) recipe.update(`${name}\n`).update(readFileSync(join(RECIPE, name)));
  return `tms-llm-sandbox:${recipe.digest("hex").slice(0, 12)}`;
}

/** Copies the recipe and what the machine's own apt needs in order to reach its mirror. */
function prepareContext(folder: string): void {
  cpSync(RECIPE, folder, { recursive: true });
  for (const name of ["apt-sources", "apt-conf", "certificates"]) mkdirSync(join(folder, name));
  for (const path of debianSources())
    cpSync(path, join(folder, "apt-sources", path.endsWith(".sources") ? "debian.sources" : "debian.list"));
  for (const path of aptNetworkSettings()) cpSync(path, join(folder, "apt-conf", path.split("/").pop()!));
  const certificates = "/usr/local/share/ca-certificates";
  for (const name of filesIn(certificates).filter((file) => file.endsWith(".crt"))) {
    cpSync(join(certificates, name), join(folder, "certificates", name));
  }
}

function filesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** The distribution's own source files, where this machine is the release that the sandbox has; third parties stay out. */
function debianSources(): string[] {
  const { ID, VERSION_CODENAME } = osRelease();
  if (ID !== "debian" || VERSION_CODENAME !== SUITE) return [];
  return ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"].filter((path) => existsSync(path));
}

/** Proxy, retry and certificate settings of apt. Credentials (auth.conf.d) stay on the machine. */
function aptNetworkSettings(): string[] {
  const folder = "/etc/apt/apt.conf.d";
  return filesIn(folder)
    .map((name) => join(folder, name))
    .filter((path) => /^\s*Acquire::(http|https|Retries|Check)/im.test(readFileSync(path, "utf8")));
}

/** The mirror that this machine uses, for debootstrap, which takes exactly one. */
function mirror(): string {
  for (const path of debianSources()) {
    const text = readFileSync(path, "utf8");
    const found = /^URIs:\s*(\S+)/m.exec(text) ?? /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+bookworm\s/m.exec(text);
    if (found?.[1] !== undefined) return found[1];
  }
  return PUBLIC_MIRROR;
}

/** Docker Hub answers 401 to whoever has no token yet, and that is answer enough. */
async function imagesCanBePulled(docker: Docker): Promise<boolean> {
  const base = await askDocker(docker.host, "/images/debian:12/json");
  if (base.status === 200) return true;
  return anyReachable(SERVERS.sandboxImage.urls);
}

function packages(): string[] {
  return readFileSync(join(RECIPE, "packages"), "utf8")
    .split("\n")
    .filter((name) => name !== "");
}

async function fromDockerfile(folder: string, tag: string, report: Report): Promise<void> {
  report("building from debian:12");
  await runCommand("docker", ["build", "--tag", tag, folder], {
    log: LOG,
    failure: "The sandbox image could not be built.",
    wayOut: WAY_OUT,
  });
}

async function fromDebootstrap(folder: string, tag: string, report: Report): Promise<void> {
  await installPackages(["debootstrap"], PURPOSE, report);
  const root = join(folder, "root");
  const options = { log: LOG, failure: "The sandbox image could not be built with debootstrap.", wayOut: WAY_OUT };
  report("unpacking Debian (debootstrap)");
  await runCommand(
    "debootstrap",
    ["--variant=minbase", `--include=${packages().join(",")}`, SUITE, root, mirror()],
    options,
  );
  report("configuring");
  const inside = join(root, "usr/local/src/sandbox");
  mkdirSync(inside, { recursive: true });
  for (const name of [...RECIPE_FILES, "apt-sources", "apt-conf", "certificates"]) {
    cpSync(join(folder, name), join(inside, name), { recursive: true });
  }
  await runCommand("chroot", [root, "sh", "/usr/local/src/sandbox/configure.sh"], options);
  report("handing it to Docker");
  const archive = join(folder, "root.tar");
  await runCommand("tar", ["-C", root, "--numeric-owner", "-cf", archive, "."], options);
  const imported = `${tag}-root`;
  await runCommand("docker", ["import", archive, imported], options);
  // `docker import` knows no stop signal, and systemd shuts down cleanly only on its own.
  const finish = join(folder, "finish");
  mkdirSync(finish);
  writeFileSync(
    join(finish, "Dockerfile"),
    `FROM ${imported}\nENV container=docker\nSTOPSIGNAL SIGRTMIN+3\nCMD ["/sbin/init"]\n`,
  );
  await runCommand("docker", ["build", "--tag", tag, finish], options);
  await runCommand("docker", ["rmi", imported], options);
}

function canBootstrap(): boolean {
  return isRoot() && isDebianLike();
}

function cannotBootstrap(): ToolchainError {
  return new ToolchainError(
    `${PURPOSE} cannot be had on this machine.`,
    "debian:12 cannot be pulled, and without it the image is built with debootstrap, which needs root on Debian or Ubuntu",
    "Connect the machine to the internet (or `docker load` the image debian:12), then run the command again.",
  );
}

async function build(daemon: Docker, folder: string, tag: string, report: Report): Promise<void> {
  if (await imagesCanBePulled(daemon)) {
    try {
      await fromDockerfile(folder, tag, report);
      return;
    } catch (error) {
      if (!(error instanceof ToolchainError) || !canBootstrap()) throw error;
      report("building from debian:12 failed; using debootstrap instead");
    }
  }
  if (!canBootstrap()) throw cannotBootstrap();
  await fromDebootstrap(folder, tag, report);
}

/** The image as a piece. @param ready settles when the Docker daemon answers */
export function sandboxImage(ready: Promise<Docker>): Piece<string> {
  const tag = sandboxImageTag();
  const isThere = async ({ host }: Docker) => (await askDocker(host, `/images/${tag}/json`)).status === 200;
  return {
    name: "Sandbox image",
    async find() {
      const daemon = await docker.find();
      return daemon !== undefined && (await isThere(daemon)) ? tag : undefined;
    },
    async plan(): Promise<Intent> {
      const daemon = await docker.find();
      if (daemon === undefined ? await anyReachable(SERVERS.sandboxImage.urls) : await imagesCanBePulled(daemon))
        return { how: "built here with Docker from debian:12", seconds: 60 };
      if (!canBootstrap()) throw cannotBootstrap();
      return {
        how: "no internet: built here with debootstrap",
        seconds: 90,
        packages: packagesToInstall(["debootstrap"], PURPOSE),
      };
    },
    async make(report) {
      const daemon = await ready;
      mkdirSync(cacheFolder(), { recursive: true });
      await withLock(
        join(cacheFolder(), "sandbox-image.lock"),
        () => report("waiting for another build"),
        async () => {
          if (await isThere(daemon)) return;
          const folder = mkdtempSync(join(tmpdir(), "tms-llm-image-"));
          try {
            prepareContext(folder);
            await build(daemon, folder, tag, report);
          } finally {
            rmSync(folder, { recursive: true, force: true });
          }
        },
      );
      return tag;
    },
  };
}
