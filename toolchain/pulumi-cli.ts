import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { SERVERS } from "../plan/catalog/servers";
import { ToolchainError } from "./failure";
import { buildWithGo, findGo } from "./go-build";
import { anyReachable } from "./internet";
import { makeOnce } from "./once";
import type { Intent, Piece } from "./piece";
import { cacheFolder, PROJECT } from "./places";

/** A Pulumi CLI with the language host for Node beside it. */
export interface PulumiCli {
  /** Folder that holds `pulumi` and `pulumi-language-nodejs`; belongs first on PATH. */
  readonly directory: string;
  readonly version: string;
  readonly origin: "installed" | "official" | "local-build";
}

/** Older CLIs do not know what the pinned SDK sends. */
const OLDEST = [3, 250] as const;
/** The last SDK module on the Go proxy that contains the language host; it drives the pinned CLI and npm SDK. */
const LANGUAGE_HOST_SDK = "3.68.0";

/** The CLI belongs to the SDK: both have the version that package.json pins. */
function pinnedPulumiVersion(): string {
  const file = join(PROJECT, "node_modules", "@pulumi", "pulumi", "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/** Whether `pulumi version` names a CLI that this project can use. */
export function isSuitable(version: string): boolean {
  const match = /^v?(\d+)\.(\d+)\./.exec(version);
  if (match === null) return false;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  return major === OLDEST[0] && minor >= OLDEST[1];
}

async function installed(): Promise<PulumiCli | undefined> {
  const cache = join(cacheFolder(), "pulumi");
  for (const directory of (process.env["PATH"] ?? "").split(delimiter)) {
    // In a shell prepared by `npm run env` the cached one is on PATH; it is found below, with its origin.
    if (directory === "" || directory.startsWith(cache) || !existsSync(join(directory, "pulumi"))) continue;
    if (!existsSync(join(directory, "pulumi-language-nodejs"))) continue;
    try {
      const { stdout } = await promisify(execFile)(join(directory, "pulumi"), ["version"], {
        timeout: 5000,
        env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" },
      });
      const version = stdout.trim().replace(/^v/, "");
      if (isSuitable(version)) return { directory, version, origin: "installed" };
    } catch {
      // A `pulumi` that cannot even tell its version is none; the next place is looked at.
    }
  }
  return undefined;
}

function cached(version: string): PulumiCli | undefined {
  const base = join(cacheFolder(), "pulumi", version);
  for (const [folder, origin] of [
    ["official", "official"],
    ["", "local-build"],
  ] as const) {
    const directory = join(base, folder, "bin");
    const complete = ["pulumi", "pulumi-language-nodejs"].every((name) => existsSync(join(directory, name)));
    if (complete) return { directory, version, origin };
  }
  return undefined;
}

/** The Pulumi CLI as a piece. */
export function pulumiCli(): Piece<PulumiCli> {
  const version = pinnedPulumiVersion();
  const base = join(cacheFolder(), "pulumi", version);
  return {
    name: `Pulumi CLI ${version}`,
    async find() {
      return (await installed()) ?? cached(version);
    },
    async plan(): Promise<Intent> {
      if (await anyReachable(SERVERS.pulumiCli.urls)) return { how: "official download", seconds: 60 };
      await findGo(`Pulumi CLI ${version}`);
      return { how: "no internet: built here from Go modules", seconds: 360 };
    },
    async make(report) {
      if (await anyReachable(SERVERS.pulumiCli.urls)) {
        try {
          await makeOnce(
            join(base, "official"),
            (path) => download(version, path),
            () => report("waiting for another download"),
          );
          return cached(version)!;
        } catch (error) {
          report(`the official download failed (${(error as Error).message.split("\n")[0]}); building instead`);
        }
      }
      await makeOnce(
        join(base, "bin"),
        async (bin) => {
          const go = await findGo(`Pulumi CLI ${version}`);
          mkdirSync(bin);
          report("compiling the language host");
          await buildWithGo(go, {
            module: `github.com/pulumi/pulumi/sdk/v3@v${LANGUAGE_HOST_SDK}`,
            packagePath: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
            output: join(bin, "pulumi-language-nodejs"),
            linkerFlags: "-s -w",
            log: "pulumi-build",
            env: { CGO_ENABLED: "0" },
          });
          report("compiling the CLI");
          await buildWithGo(go, {
            module: `github.com/pulumi/pulumi/pkg/v3@v${version}`,
            packagePath: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            output: join(bin, "pulumi"),
            linkerFlags: `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${version}`,
            log: "pulumi-build",
            env: { CGO_ENABLED: "0" },
          });
        },
        () => report("waiting for another build"),
      );
      const built = cached(version);
      if (built === undefined) {
        throw new ToolchainError(
          `The build of Pulumi CLI ${version} is not whole.`,
          `${join(base, "bin")} lacks a program`,
          `Delete ${base} and run the command again.`,
        );
      }
      return built;
    },
  };
}

/** Pulumi's own downloader. */
async function download(version: string, path: string): Promise<void> {
  // Loaded here: the SDK takes half a second to load.
  const [{ PulumiCommand }, { SemVer }, { EnvHttpProxyAgent, setGlobalDispatcher }] = await Promise.all([
    import("@pulumi/pulumi/automation/cmd.js"),
    import("semver"),
    import("undici"),
  ]);
  // It fetches by Node's own fetch, which takes no notice of HTTPS_PROXY.
  setGlobalDispatcher(new EnvHttpProxyAgent());
  const root = join(dirname(path), "root");
  const work = PulumiCommand.install({ version: new SemVer(version), root, skipVersionCheck: true });
  await withTimeLimit(work, 180);
  renameSync(root, path);
}

async function withTimeLimit<T>(work: Promise<T>, seconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${seconds} s`)), seconds * 1000);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
