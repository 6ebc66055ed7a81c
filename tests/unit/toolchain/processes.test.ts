import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { stillRuns } from "../../../toolchain/processes";

const now = () => new Date();

describe("stillRuns", () => {
  it("is true for a process that runs", () => {
    expect(stillRuns(process.pid, now())).toBe(true);
  });

  it("is false for one that has ended", () => {
    expect(stillRuns(spawnSync("true").pid, now())).toBe(false);
  });

  it("is false where the id belongs to a process that came later", () => {
    const yesterday = new Date(Date.now() - 86_400_000);
    expect(stillRuns(process.pid, yesterday)).toBe(false);
  });

  it("is false for a zombie, which its parent has not asked for", async () => {
    // The shell's child ends at once; sleep takes the shell's place and never asks for it.
    const parent = spawn("sh", ["-c", "sleep 0.1 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] });
    try {
      const [text] = (await once(parent.stdout, "data")) as [Buffer];
      const zombie = Number(text.toString());
      await expect.poll(() => readFileSync(`/proc/${zombie}/stat`, "utf8").split(") ")[1]?.[0]).toBe("Z");
      expect(stillRuns(zombie, now())).toBe(false);
    } finally {
      parent.kill();
    }
  });
});
