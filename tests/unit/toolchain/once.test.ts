import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeOnce, withLock } from "../../../toolchain/once";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "tms-llm-test-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const writeWhole = (path: string) => {
  writeFileSync(path, "whole");
  return Promise.resolve();
};
const silent = () => undefined;

describe("makeOnce", () => {
  it("builds once when two want it at the same time, and the second is told that it waits", async () => {
    let built = 0;
    const waited: string[] = [];
    const build = async (path: string) => {
      built += 1;
      await sleep(100);
      writeFileSync(path, "whole");
    };
    const target = join(folder, "thing");
    await Promise.all([
      makeOnce(target, build, () => waited.push("first")),
      makeOnce(target, build, () => waited.push("second")),
    ]);

    expect(built).toBe(1);
    expect(waited).toEqual(["second"]);
    expect(readFileSync(target, "utf8")).toBe("whole");
  });

  it("leaves nothing behind when the build fails", async () => {
    const build = (path: string) => {
      writeFileSync(path, "half");
      return Promise.reject(new Error("broken"));
    };
    await expect(makeOnce(join(folder, "thing"), build, silent)).rejects.toThrow("broken");
    expect(readdirSync(folder)).toEqual([]);
  });

  it("clears away what a killed build has left", async () => {
    mkdirSync(join(folder, ".thing-killed"));
    await makeOnce(join(folder, "thing"), writeWhole, silent);
    expect(readdirSync(folder)).toEqual(["thing"]);
  });
});

describe("withLock", () => {
  it("takes over the lock of a process that has ended", async () => {
    const lock = join(folder, "lock");
    const dead = spawnSync("true").pid;
    writeFileSync(lock, String(dead));
    expect(await withLock(lock, silent, () => Promise.resolve("done"))).toBe("done");
    expect(existsSync(lock)).toBe(false);
  });

  it("gives the lock back when the work fails", async () => {
    const lock = join(folder, "lock");
    await expect(withLock(lock, silent, () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
    expect(existsSync(lock)).toBe(false);
  });
});
