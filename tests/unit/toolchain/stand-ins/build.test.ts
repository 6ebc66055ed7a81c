import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildStandIns, STAND_INS } from "../../../../toolchain/stand-ins/build";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stand-ins-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("built stand-ins", () => {
  it("print the port that they listen on, and go when they are told to", async () => {
    for (const { name, directory } of await buildStandIns(folder)) {
      const plugin = spawn(join(directory, `pulumi-resource-${name}`), ["127.0.0.1:1"]);
      const port = await new Promise<string>((resolve) => plugin.stdout.once("data", (data) => resolve(String(data))));
      expect(Number(port), name).toBeGreaterThan(0);
      const ended = new Promise<number | null>((resolve) => plugin.once("close", resolve));
      plugin.kill("SIGTERM");
      expect(await ended, name).toBe(0);
    }
  });

  it("are kept while their sources are the same, and made anew when a source differs", async () => {
    const bundle = join(folder, "random", "plugin.js");
    await buildStandIns(folder);
    const kept = statSync(bundle).mtimeMs;
    await buildStandIns(folder);
    expect(statSync(bundle).mtimeMs).toBe(kept);

    const stamp = join(folder, "random", "inputs.json");
    writeFileSync(stamp, readFileSync(stamp, "utf8").replace(/"hash":"./, '"hash":"-'));
    await buildStandIns(folder);
    expect(statSync(bundle).mtimeMs).toBeGreaterThan(kept);
  });

  it("have the versions of the npm packages that ask for them", () => {
    for (const { name, version } of STAND_INS) {
      const manifest = readFileSync(require.resolve(`@pulumi/${name}/package.json`), "utf8");
      expect((JSON.parse(manifest) as { version: string }).version, name).toBe(version);
    }
  });
});
