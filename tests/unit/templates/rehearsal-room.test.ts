import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";

const SCRIPT = join(__dirname, "..", "..", "..", "templates", "lib", "rehearsal.sh");
const GIB = 2 ** 30;

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "rehearsal-"))));
afterEach(() => rmSync(folder, { recursive: true }));

interface Host {
  /** Size of the one model, and how much of that lies on a GPU; not loaded if not given. GiB. */
  readonly loaded?: readonly [size: number, onGpu: number];
  /** GiB. */
  readonly onDisk?: number;
  readonly freeMemory: number;
  readonly freeGpu?: number;
  readonly former?: string;
  readonly next?: string;
}

/** What stands in the way of a second engine, with a fake for what the host and the engine would say. */
async function hindrance({ loaded, onDisk = 0, freeMemory, freeGpu = 0, former = "", next = "" }: Host) {
  writeFileSync(join(folder, "former"), former);
  writeFileSync(join(folder, "next"), next);
  const script = [
    "set -euo pipefail; shopt -s inherit_errexit",
    `source ${SCRIPT}`,
    "rehearsed=kanana in_device=detect",
    "ollama_port() { echo 11434; }",
    `ollama_placement() { ${loaded ? `echo ${loaded.map((size) => size * GIB).join(" ")}` : ":"}; }`,
    `size_on_disk() { echo ${onDisk * GIB}; }`,
    `gpu_expected() { ${freeGpu > 0}; }`,
    `free_memory() { echo ${freeMemory * GIB}; }`,
    `free_gpu_memory() { echo ${freeGpu * GIB}; }`,
    `engine_settings() { echo ${folder}/former ${folder}/next; }`,
    "no_room_for_rehearsal",
  ].join("\n");
  return (await execa("bash", ["-c", script])).stdout;
}

test.each<[string, Host, string]>([
  ["a model in the host's memory fits twice", { loaded: [10, 0], freeMemory: 12 }, ""],
  [
    "a model in the host's memory does not fit twice",
    { loaded: [10, 0], freeMemory: 11 },
    "a second engine needs 12288 MiB of the host's memory, and 11264 are free",
  ],
  ["a GPU has room for the model twice", { loaded: [8, 8], freeMemory: 2, freeGpu: 9 }, ""],
  [
    "a GPU has no room for the model twice",
    { loaded: [8, 8], freeMemory: 2, freeGpu: 7 },
    "a second engine needs 9011 MiB of a GPU, and 7168 are free",
  ],
  ["a model that is not loaded is taken for half more than its file", { onDisk: 8, freeMemory: 15 }, ""],
  [
    "the file of a model that is not loaded is half less than what is free, and no more",
    { onDisk: 10, freeMemory: 15 },
    "a second engine needs 17920 MiB of the host's memory, and 15360 are free",
  ],
  [
    "four times as many requests may take four times as much",
    { loaded: [4, 0], freeMemory: 18, former: "OLLAMA_NUM_PARALLEL=1\n", next: "OLLAMA_NUM_PARALLEL=4\n" },
    "a second engine needs 19046 MiB of the host's memory, and 18432 are free",
  ],
  [
    "a shorter context is no reason to count on less",
    { loaded: [4, 0], freeMemory: 6, former: "OLLAMA_CONTEXT_LENGTH=8192\n", next: "OLLAMA_CONTEXT_LENGTH=4096\n" },
    "",
  ],
])("%s", async (_, host, said) => {
  expect(await hindrance(host)).toBe(said);
});
