import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { runCommand } from "./command";
import { ToolchainError } from "./failure";

/** Go 1.21 and later fetch by themselves the version that a module asks for. */
const OLDEST_MINOR = 21;

/** A Go command that can build. @throws ToolchainError when there is none */
export async function findGo(purpose: string): Promise<string> {
  const seen: string[] = [];
  for (const go of ["go", "/usr/local/go/bin/go", "/usr/lib/go/bin/go"]) {
    if (go.startsWith("/") && !existsSync(go)) continue;
    try {
      const { stdout } = await promisify(execFile)(go, ["version"], { timeout: 10_000 });
      const minor = Number(/go1\.(\d+)/.exec(stdout)?.[1] ?? 0);
      if (minor >= OLDEST_MINOR) return go;
      seen.push(stdout.trim());
    } catch {
      // Not there or not working: the next one, and in the end the message below.
    }
  }
  throw new ToolchainError(
    `${purpose} cannot be had on this machine.`,
    `the internet cannot be reached, and building it needs Go 1.${OLDEST_MINOR} or newer (found: ${seen.join(", ") || "none"})`,
    "Connect the machine to the internet, or install Go (https://go.dev/doc/install), then run the command again.",
  );
}

export interface GoBuild {
  /** `path@version`; dependencies come from the Go proxy that the machine's Go is set up for. */
  readonly module: string;
  readonly packagePath: string;
  readonly output: string;
  readonly linkerFlags: string;
  readonly log: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Builds one program from a module in a throw-away module of its own: `go install path@version` asks proxies for more than some answer. */
export async function buildWithGo(go: string, build: GoBuild): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "tms-llm-go-"));
  const options = {
    cwd: folder,
    log: build.log,
    failure: `${build.module} could not be built.`,
    wayOut: "See that Go's module proxy (`go env GOPROXY`) is reachable, then run the command again.",
    env: { ...build.env, GOFLAGS: "-mod=mod -buildvcs=false" },
  };
  try {
    await runCommand(go, ["mod", "init", "build.invalid/throwaway"], options);
    await runCommand(go, ["get", build.module], options);
    await runCommand(
      go,
      ["build", "-trimpath", "-ldflags", build.linkerFlags, "-o", build.output, build.packagePath],
      options,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
