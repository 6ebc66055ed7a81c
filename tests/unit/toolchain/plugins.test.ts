import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { plugins, wantedPlugins } from "../../../toolchain/plugins";
import type { PulumiCli } from "../../../toolchain/pulumi-cli";

let folder: string;
let home: string;
const told: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tms-llm-test-"));
  home = join(folder, "home");
  told.length = 0;
  // Says that there is a place to download from; what comes of it is up to the CLI below.
  vi.stubEnv("PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES", "^.*$=http://127.0.0.1:9");
  vi.stubEnv("XDG_CACHE_HOME", join(folder, "cache"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** A `pulumi` that installs what it is given by --file, and downloads or fails to. */
function cli(download: "works" | "fails" | "breaks off"): Promise<PulumiCli> {
  const script = `#!/bin/sh
name=$4 version=$5 folder="$PULUMI_HOME/plugins/resource-$4-v$5"
if [ "$6" = --file ]; then mkdir -p "$folder"; cp -r "$7/." "$folder"; exit; fi
case "${download}" in
works) mkdir -p "$folder"; echo official >"$folder/pulumi-resource-$name" ;;
fails) echo "no route to host" >&2; exit 1 ;;
"breaks off") mkdir -p "$folder"; echo half >"$folder/pulumi-resource-$name"; kill -9 $$ ;;
esac
`;
  writeFileSync(join(folder, "pulumi"), script);
  chmodSync(join(folder, "pulumi"), 0o755);
  return Promise.resolve({ directory: folder, version: "3.250.0", origin: "installed" });
}

const piece = (download: "works" | "fails" | "breaks off", allowStandIns: boolean) =>
  plugins({ pulumi: cli(download), allowStandIns, home });
const make = (download: "works" | "fails" | "breaks off", allowStandIns: boolean) =>
  piece(download, allowStandIns).make((step) => told.push(step));
const contentOf = ({ name, version }: { name: string; version: string }) =>
  readFileSync(join(home, "plugins", `resource-${name}-v${version}`, `pulumi-resource-${name}`), "utf8");

describe("provider plugins", () => {
  it("are the official ones wherever they can be had", async () => {
    const made = await make("works", true);
    expect(made.map(({ origin }) => origin)).toEqual(["official", "official", "official"]);
    expect(await piece("fails", true).find()).toEqual(made);
  });

  it("are stand-ins where they cannot, for a sandbox", async () => {
    const made = await make("fails", true);
    expect(made.map(({ origin }) => origin)).toEqual(["stand-in", "stand-in", "stand-in"]);
    expect(told.filter((line) => line.includes("cannot be downloaded"))).toHaveLength(3);
    expect(contentOf(made[0]!)).toContain("plugin.js");
    expect(await piece("works", true).find()).toEqual(made);
  });

  it("are never stand-ins for a host that is not a sandbox", async () => {
    await expect(make("fails", false)).rejects.toThrow("this project's stand-ins serve sandboxes and previews only");
    await make("fails", true);
    expect(await piece("fails", false).find()).toBeUndefined();
    expect((await make("works", false)).map(({ origin }) => origin)).toEqual(["official", "official", "official"]);
    expect(contentOf(wantedPlugins()[0]!)).toBe("official\n");
  });

  it("a download that breaks off does not take the place of what is there", async () => {
    const made = await make("fails", true);
    const before = contentOf(made[0]!);
    await make("breaks off", true);
    expect(contentOf(made[0]!)).toBe(before);
    expect(existsSync(join(home, "plugins.lock"))).toBe(false);
    expect(execFileSync("ls", [home], { encoding: "utf8" })).not.toContain("download-");
  });
});
