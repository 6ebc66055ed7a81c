import { spawn, type ChildProcess } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const PROJECT = resolve(__dirname, "../../..");
let folder: string;

/** A project of its own around the real start script, with a program in the place of the CLI. */
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "tms-llm-test-")));
  mkdirSync(join(folder, "toolchain"));
  mkdirSync(join(folder, "cli"));
  copyFileSync(join(PROJECT, "toolchain/start.mjs"), join(folder, "toolchain/start.mjs"));
  symlinkSync(join(PROJECT, "node_modules"), join(folder, "node_modules"));
  const installed = JSON.parse(readFileSync(join(PROJECT, "node_modules/.package-lock.json"), "utf8")) as object;
  writeFileSync(join(folder, "package-lock.json"), JSON.stringify(installed));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Run {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

function start(program: string, args: readonly string[] = [], env: Record<string, string> = {}): Run {
  writeFileSync(join(folder, "cli/main.ts"), program);
  const child = spawn(process.execPath, [join(folder, "toolchain/start.mjs"), ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
  return {
    child,
    output: () => text,
    ended: new Promise((done) => {
      child.on("close", done);
    }),
  };
}

async function waitFor(run: Run, text: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!run.output().includes(text)) {
    await sleep(20);
    if (Date.now() > deadline) throw new Error(`"${text}" did not come; output so far: ${run.output()}`);
  }
}

const COUNT_SIGNALS = `
  let count = 0;
  const report = (signal: string) => { count += 1; console.log(signal, count); setTimeout(() => process.exit(40 + count), 300); };
  process.on("SIGINT", report);
  process.on("SIGTERM", report);
  setInterval(() => undefined, 1000);
  console.log("up");
`;

describe("npm run <verb>", () => {
  it("hands verb and options over, passes the exit code through and says nothing by itself", async () => {
    const run = start(`console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 7;`, [
      "drift",
      "dev",
      "--json",
      "a b",
    ]);
    expect(await run.ended).toBe(7);
    expect(run.output()).toBe('["drift","dev","--json","a b"]\n');
  });

  it("puts the folder of the Node that it chose first on PATH", async () => {
    const run = start(`console.log(process.env["PATH"]?.split(":")[0]);`);
    expect(await run.ended).toBe(0);
    expect(run.output()).toBe(`${dirname(process.execPath)}\n`);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("passes %s on, once", async (signal) => {
    const run = start(COUNT_SIGNALS);
    await waitFor(run, "up");
    run.child.kill(signal);
    expect(await run.ended).toBe(41);
    expect(run.output()).toBe(`up\n${signal} 1\n`);
  });

  it("passes SIGINT on once although npm repeats the terminal's", async () => {
    const run = start(COUNT_SIGNALS);
    await waitFor(run, "up");
    run.child.kill("SIGINT");
    await sleep(50);
    run.child.kill("SIGINT");
    expect(await run.ended).toBe(41);
  });

  it("says what it is going to install before it does, and ends with one message when it cannot", async () => {
    writeFileSync(
      join(folder, "package-lock.json"),
      JSON.stringify({ lockfileVersion: 3, packages: { "node_modules/not-there": { version: "1.0.0" } } }),
    );
    const npm = join(folder, "npm.cjs");
    writeFileSync(npm, `console.error("npm " + process.argv[2]); process.exit(1);`);
    const run = start(`console.log("must not run");`, ["up"], { npm_execpath: npm });
    expect(await run.ended).toBe(3);
    expect(run.output().replaceAll(folder, "<project>")).toMatchInlineSnapshot(`
      "Going to install:
        - this project's packages from package-lock.json (npm install, about 30 s) into <project>/node_modules
      npm install
      The project's packages could not be installed.
        Why: npm ended with 1; its messages are above
        Way out: Check with \`npm ping\` that the package registry is reachable, then run the command again.
      "
    `);
  });
});
