import { afterEach, describe, expect, it, vi } from "vitest";
import { announcement, formatSeconds, lineProgress } from "../../../toolchain/progress";

describe("announcement", () => {
  it("lists every piece with its way and time, and all Debian packages once", () => {
    const lines = announcement([
      { name: "Docker", how: "Debian package, daemon started here", seconds: 30, packages: ["docker.io"] },
      { name: "Sandbox image", how: "built here", seconds: 120, packages: ["debootstrap", "docker.io"] },
    ]);
    expect(lines.join("\n")).toMatchInlineSnapshot(`
      "Going to install on this machine:
        - Docker: Debian package, daemon started here, about 30 s
        - Sandbox image: built here, about 2 min
        - Debian packages (apt-get install): debootstrap, docker.io"
    `);
  });
});

describe("lineProgress", () => {
  it("says what, how far and how long so far", () => {
    const lines: string[] = [];
    let time = 0;
    const progress = lineProgress(
      (line) => lines.push(line),
      () => time,
    );
    progress.announce([
      { name: "A", how: "built", seconds: 60 },
      { name: "B", how: "built", seconds: 5 },
    ]);
    progress.step("B", "waiting for nothing");
    time = 4000;
    progress.step("A", "compiling");
    progress.done("B");
    time = 79_000;
    progress.done("A");
    progress.close();
    expect(lines.slice(3)).toEqual([
      "  B: waiting for nothing (0 s)",
      "  A: compiling (0 s)",
      "  B: ready after 4 s (1 of 2)",
      "  A: ready after 1 min 15 s (2 of 2)",
    ]);
  });
});

describe("the heartbeat", () => {
  afterEach(() => void vi.useRealTimers());

  it("repeats what is going on, and leaves out what waits for another piece", () => {
    vi.useFakeTimers();
    const lines: string[] = [];
    const progress = lineProgress((line) => lines.push(line));
    progress.announce([
      { name: "CLI", how: "built", seconds: 60 },
      { name: "Plugins", how: "built with the CLI", seconds: 5 },
    ]);
    progress.step("CLI", "compiling");
    vi.advanceTimersByTime(15_000);
    progress.close();
    expect(lines.slice(4)).toEqual(["  CLI: still compiling (15 s of about 1 min)"]);
  });
});

describe("formatSeconds", () => {
  it.each([
    [0.4, "0 s"],
    [59.4, "59 s"],
    [60, "1 min"],
    [75, "1 min 15 s"],
  ])("%d → %s", (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text);
  });
});
