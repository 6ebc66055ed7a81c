import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadExeca } from "../../toolchain/execa";
import type { BenchHost } from "./host";

/** The facts of a host after the work, one a line. Taken from the container's side, so that no SSH session is part of it. */
export async function takeSnapshot({ container }: BenchHost): Promise<string[]> {
  const execa = await loadExeca();
  const script = readFileSync(join(__dirname, "snapshot.sh"), "utf8");
  const { stdout } = await execa("docker", ["exec", "-i", container, "bash", "-s"], { input: script });
  return stdout.split("\n");
}
