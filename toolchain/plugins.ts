import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "./command";
import { ToolchainError } from "./failure";
import { internetReachable } from "./internet";
import { withLock } from "./once";
import type { Intent, Piece, Report } from "./piece";
import { PRIVATE, PROJECT } from "./places";
import { writePrivate } from "./private-files";
import type { PulumiCli } from "./pulumi-cli";
import { isInstalled, standInsDue, readMarker, standInSources, type Marker, type PluginName } from "./stand-in-marker";

/** Pulumi's home of this clone: a stand-in in the user's own home would hide the official plugin for good. */
export const PULUMI_HOME = join(PRIVATE, "pulumi-home");

/** A provider plugin and where it comes from. */
export interface Plugin extends PluginName {
  readonly origin: "official" | "stand-in";
}

/** Every installed `@pulumi/*` package says which plugin it wants; Pulumi looks for all of them, used or not. */
export function wantedPlugins(): PluginName[] {
  const folder = join(PROJECT, "node_modules", "@pulumi");
  return readdirSync(folder).flatMap((name) => {
    const file = join(folder, name, "package.json");
    const { pulumi } = JSON.parse(readFileSync(file, "utf8")) as {
      pulumi?: { resource?: boolean; name: string; version: string };
    };
    return pulumi?.resource === true ? [{ name: pulumi.name, version: pulumi.version.replace(/^v/, "") }] : [];
  });
}

export interface PluginOptions {
  readonly pulumi: Promise<PulumiCli>;
  /** Stand-ins serve sandboxes only. */
  readonly allowStandIns: boolean;
  readonly now?: () => Date;
}

/** The provider plugins as a piece. */
export function plugins({ pulumi, allowStandIns, now = () => new Date() }: PluginOptions): Piece<Plugin[]> {
  const wanted = wantedPlugins();
  const list = wanted.map(({ name, version }) => `${name} ${version}`).join(", ");

  async function make(report: Report): Promise<Plugin[]> {
    mkdirSync(PULUMI_HOME, { recursive: true, mode: 0o700 });
    const cli = await pulumi;
    await withLock(
      join(PULUMI_HOME, "plugins.lock"),
      () => report("waiting for another run"),
      async () => {
        const marker = readMarker(PULUMI_HOME);
        const lacking = wanted.filter(
          (plugin) => !isInstalled(PULUMI_HOME, plugin) || marker.plugins[plugin.name] === plugin.version,
        );
        const failed = (await officialReachable()) ? await installOfficial(cli, lacking, marker, report) : lacking;
        if (failed.length === 0) return;
        if (!allowStandIns) throw officialMissing(failed);
        await installStandIns(cli, failed, marker, report, now());
      },
    );
    return found(wanted);
  }

  return {
    name: "Pulumi plugins",
    find() {
      const due =
        wanted.some((plugin) => !isInstalled(PULUMI_HOME, plugin)) ||
        standInsDue(readMarker(PULUMI_HOME), wanted, { allowStandIns, now: now() });
      return Promise.resolve(due ? undefined : found(wanted));
    },
    async plan(): Promise<Intent> {
      if (await officialReachable()) return { how: `official downloads of ${list}`, seconds: 30 };
      if (!allowStandIns) throw officialMissing(wanted);
      return { how: `no internet: this project's stand-ins for ${list}, for sandboxes only`, seconds: 5 };
    },
    make,
  };
}

function found(wanted: readonly PluginName[]): Plugin[] {
  const marker = readMarker(PULUMI_HOME);
  return wanted.map(({ name, version }) => ({
    name,
    version,
    origin: marker.plugins[name] === version ? "stand-in" : "official",
  }));
}

/** A mirror of the operator's own counts as reachable; the download tells. */
async function officialReachable(): Promise<boolean> {
  return process.env["PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES"] !== undefined || internetReachable();
}

function officialMissing(lacking: readonly PluginName[]): ToolchainError {
  return new ToolchainError(
    `Official Pulumi plugins are missing: ${lacking.map(({ name, version }) => `${name} ${version}`).join(", ")}.`,
    "they could not be downloaded, and this project's stand-ins serve sandboxes only",
    "Connect this machine to the internet, or set PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES to a mirror, then run the command again.",
  );
}

/** Each into a home of its own first, so that a broken download never takes the place of what is there. */
async function installOfficial(
  cli: PulumiCli,
  lacking: readonly PluginName[],
  marker: Marker,
  report: Report,
): Promise<PluginName[]> {
  const failed: PluginName[] = [];
  for (const plugin of lacking) {
    report(`downloading ${plugin.name} ${plugin.version}`);
    const home = mkdtempSync(join(PULUMI_HOME, "download-"));
    try {
      await install(cli, home, plugin, []);
      moveIntoPlace(home, plugin);
      marker.plugins = Object.fromEntries(Object.entries(marker.plugins).filter(([name]) => name !== plugin.name));
      writeMarker(marker);
    } catch (error) {
      if (!(error instanceof ToolchainError)) throw error;
      report(`${plugin.name} ${plugin.version} cannot be downloaded: ${error.why}`);
      failed.push(plugin);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  }
  return failed;
}

async function installStandIns(
  cli: PulumiCli,
  lacking: readonly PluginName[],
  marker: Marker,
  report: Report,
  now: Date,
): Promise<void> {
  report("building stand-ins");
  // Taken before the build: sources that change meanwhile are built again next time.
  const sources = standInSources();
  // Loaded here: it brings a bundler along, which only a machine without the official plugins needs.
  const { buildStandIns } = await import("./stand-ins/build.js");
  const built = await buildStandIns(join(PRIVATE, "stand-ins"));
  for (const plugin of lacking) {
    const standIn = built.find(({ name, version }) => name === plugin.name && version === plugin.version);
    if (standIn === undefined) throw officialMissing([plugin]);
    const home = mkdtempSync(join(PULUMI_HOME, "download-"));
    try {
      await install(cli, home, plugin, ["--file", standIn.directory]);
      // Marked before it is there: should this be broken off in between, it is only made once more.
      marker.plugins[plugin.name] = plugin.version;
      writeMarker(marker);
      moveIntoPlace(home, plugin);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  }
  writeMarker({ ...marker, sources, checked: now.toISOString() });
}

function writeMarker(marker: Marker): void {
  writePrivate(join(PULUMI_HOME, "stand-ins.json"), `${JSON.stringify(marker, undefined, 2)}\n`);
}

function moveIntoPlace(home: string, { name, version }: PluginName): void {
  const folder = `resource-${name}-v${version}`;
  const target = join(PULUMI_HOME, "plugins", folder);
  mkdirSync(join(PULUMI_HOME, "plugins"), { recursive: true });
  if (existsSync(target)) rmSync(target, { recursive: true });
  renameSync(join(home, "plugins", folder), target);
}

function install(
  cli: PulumiCli,
  home: string,
  { name, version }: PluginName,
  extra: readonly string[],
): Promise<string> {
  return runCommand(join(cli.directory, "pulumi"), ["plugin", "install", "resource", name, version, ...extra], {
    log: "plugins",
    failure: `The Pulumi plugin ${name} ${version} could not be installed.`,
    wayOut: "Run the command again.",
    timeoutSeconds: 180,
    env: { PULUMI_HOME: home, PULUMI_SKIP_UPDATE_CHECK: "true" },
  });
}
