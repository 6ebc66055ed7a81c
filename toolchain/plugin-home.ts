import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "./command";
import { ToolchainError } from "./failure";
import { withLock } from "./once";
import { writePrivate } from "./private-files";
import type { PulumiCli } from "./pulumi-cli";
import { type Marker, markerFile, type PluginName, readMarker } from "./stand-in-marker";

/** A Pulumi home, as far as its provider plugins go. */
export class PluginHome {
  constructor(readonly folder: string) {}

  /** Whether the plugin is there, whole. */
  has(plugin: PluginName): boolean {
    const folder = this.place(plugin);
    return existsSync(join(folder, `pulumi-resource-${plugin.name}`)) && !existsSync(`${folder}.partial`);
  }

  hasStandIn({ name, version }: PluginName): boolean {
    return this.marker().plugins[name] === version;
  }

  marker(): Marker {
    return readMarker(this.folder);
  }

  /** Keeps two runs of one clone from installing at the same time. */
  async exclusively(waiting: () => void, work: () => Promise<void>): Promise<void> {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    await withLock(join(this.folder, "plugins.lock"), waiting, work);
  }

  /** Downloads the official plugin. @returns why it could not be had, or undefined when it is there */
  async installOfficial(cli: PulumiCli, plugin: PluginName): Promise<string | undefined> {
    try {
      await this.install(cli, plugin, []);
    } catch (error) {
      if (error instanceof ToolchainError) return error.why;
      throw error;
    }
    const { plugins, ...rest } = this.marker();
    this.mark({
      ...rest,
      plugins: Object.fromEntries(Object.entries(plugins).filter(([name]) => name !== plugin.name)),
    });
    return undefined;
  }

  /** Puts a stand-in into the plugin's place and marks it as one. */
  async installStandIn(cli: PulumiCli, plugin: PluginName, directory: string): Promise<void> {
    // Marked before it is there: should this be broken off in between, it is only made once more.
    const marker = this.marker();
    this.mark({ ...marker, plugins: { ...marker.plugins, [plugin.name]: plugin.version } });
    await this.install(cli, plugin, ["--file", directory]);
  }

  /** Notes what the stand-ins were made from, and when the official plugins were last out of reach. */
  markChecked(sources: string, checked: Date): void {
    this.mark({ ...this.marker(), sources, checked: checked.toISOString() });
  }

  private mark(marker: Marker): void {
    writePrivate(markerFile(this.folder), `${JSON.stringify(marker, undefined, 2)}\n`);
  }

  private place({ name, version }: PluginName, home = this.folder): string {
    return join(home, "plugins", `resource-${name}-v${version}`);
  }

  /** Into a home of its own first, so that a broken download never takes the place of what is there. */
  private async install(cli: PulumiCli, plugin: PluginName, extra: readonly string[]): Promise<void> {
    const { name, version } = plugin;
    const home = mkdtempSync(join(this.folder, "download-"));
    try {
      await runCommand(join(cli.directory, "pulumi"), ["plugin", "install", "resource", name, version, ...extra], {
        log: "plugins",
        failure: `The Pulumi plugin ${name} ${version} could not be installed.`,
        wayOut: "Run the command again.",
        timeoutSeconds: 180,
        env: { PULUMI_HOME: home, PULUMI_SKIP_UPDATE_CHECK: "true" },
      });
      mkdirSync(join(this.folder, "plugins"), { recursive: true });
      rmSync(this.place(plugin), { recursive: true, force: true });
      renameSync(this.place(plugin, home), this.place(plugin));
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  }
}
