import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SERVERS } from "../plan/catalog/servers";
import { ToolchainError } from "./failure";
import { anyReachable } from "./internet";
import type { Intent, Piece, Report } from "./piece";
import { PRIVATE, PROJECT } from "./places";
import { PluginHome } from "./plugin-home";
import type { PulumiCli } from "./pulumi-cli";
import { type PluginName, standInsDue, standInSources } from "./stand-in-marker";

/** Pulumi's home of this clone: a stand-in in the user's own home would hide the official plugin for good. */
export const PULUMI_HOME = join(PRIVATE, "pulumi-home");

/** A provider plugin and where it comes from. */
export interface Plugin extends PluginName {
  readonly origin: "official" | "stand-in";
}

export interface PluginOptions {
  readonly pulumi: Promise<PulumiCli>;
  /** Stand-ins serve sandboxes and previews; they change nothing on a host of one's own. */
  readonly allowStandIns: boolean;
  /** Pulumi's home; default: this clone's. */
  readonly home?: string;
}

/** Every installed `@pulumi/*` package says which plugin it wants; Pulumi looks for all of them, used or not. */
export function wantedPlugins(): PluginName[] {
  const folder = join(PROJECT, "node_modules", "@pulumi");
  return readdirSync(folder).flatMap((directory) => {
    const file = join(folder, directory, "package.json");
    const { pulumi } = JSON.parse(readFileSync(file, "utf8")) as { pulumi?: PluginName & { resource?: boolean } };
    if (pulumi?.resource !== true) return [];
    return [{ name: pulumi.name, version: pulumi.version.replace(/^v/, "") }];
  });
}

/** The provider plugins as a piece. */
export function plugins({ pulumi, allowStandIns, home: folder = PULUMI_HOME }: PluginOptions): Piece<Plugin[]> {
  const home = new PluginHome(folder);
  const wanted = wantedPlugins();
  const found = (): Plugin[] =>
    wanted.map((plugin) => ({ ...plugin, origin: home.hasStandIn(plugin) ? "stand-in" : "official" }));

  return {
    name: "Pulumi plugins",
    find() {
      const due =
        wanted.some((plugin) => !home.has(plugin)) ||
        standInsDue(home.marker(), wanted, { allowStandIns, now: new Date() });
      return Promise.resolve(due ? undefined : found());
    },
    async plan(): Promise<Intent> {
      const list = wanted.map(({ name, version }) => `${name} ${version}`).join(", ");
      if (await officialReachable()) return { how: `official downloads of ${list}`, seconds: 30 };
      if (!allowStandIns) throw officialMissing(wanted);
      return { how: `no internet: this project's stand-ins for ${list}, for sandboxes and previews only`, seconds: 5 };
    },
    async make(report) {
      const cli = await pulumi;
      await home.exclusively(
        () => report("waiting for another run"),
        async () => {
          const lacking = wanted.filter((plugin) => !home.has(plugin) || home.hasStandIn(plugin));
          const failed = (await officialReachable()) ? await installOfficial(home, cli, lacking, report) : lacking;
          if (failed.length === 0) return;
          if (!allowStandIns) throw officialMissing(failed);
          await installStandIns(home, cli, failed, report);
        },
      );
      return found();
    },
  };
}

/** A mirror of the operator's own counts as reachable; the download tells. */
async function officialReachable(): Promise<boolean> {
  return process.env["PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES"] !== undefined || anyReachable(SERVERS.pulumiPlugins.urls);
}

function officialMissing(lacking: readonly PluginName[]): ToolchainError {
  return new ToolchainError(
    `Official Pulumi plugins are missing: ${lacking.map(({ name, version }) => `${name} ${version}`).join(", ")}.`,
    "they could not be downloaded, and this project's stand-ins serve sandboxes and previews only",
    "Connect this machine to the internet (a proxy by https_proxy), or name a server that has them as mirrors.plugins in the stack file (docs/operate/mirrors.md); then run the command again.",
  );
}

/** @returns those that could not be had */
async function installOfficial(
  home: PluginHome,
  cli: PulumiCli,
  lacking: readonly PluginName[],
  report: Report,
): Promise<PluginName[]> {
  const failed: PluginName[] = [];
  for (const plugin of lacking) {
    report(`downloading ${plugin.name} ${plugin.version}`);
    const why = await home.installOfficial(cli, plugin);
    if (why === undefined) continue;
    report(`${plugin.name} ${plugin.version} cannot be downloaded: ${why}`);
    failed.push(plugin);
  }
  return failed;
}

async function installStandIns(
  home: PluginHome,
  cli: PulumiCli,
  lacking: readonly PluginName[],
  report: Report,
): Promise<void> {
  report("building stand-ins");
  // Taken before the build: sources that change meanwhile are built again next time.
  const sources = standInSources();
  // Loaded here: it brings a bundler along, which only a machine without the official plugins needs.
  const { buildStandIns } = await import("./stand-ins/build.js");
  const built = await buildStandIns(join(home.folder, "..", "stand-ins"));
  for (const plugin of lacking) {
    const standIn = built.find(({ name, version }) => name === plugin.name && version === plugin.version);
    if (standIn === undefined) throw officialMissing([plugin]);
    await home.installStandIn(cli, plugin, standIn.directory);
  }
  home.markChecked(sources, new Date());
}
