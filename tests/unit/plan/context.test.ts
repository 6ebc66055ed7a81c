import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NotPrepared, type ArtifactIndex } from "../../../plan/artifacts";
import { stackSchema } from "../../../plan/config/schema";
import { readPlanContext, type Purpose } from "../../../plan/context";
import { makePlan } from "../../../plan/plan";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "tms-llm-test-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const ARCHITECTURE = process.arch === "arm64" ? "arm64" : "amd64";

const config = (engine: Record<string, unknown>, source: string) =>
  stackSchema.parse({
    target: {
      kind: "ssh",
      host: "llm-1",
      hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
    },
    engine,
    models: [{ name: "kanana", source, sha256: "a".repeat(64) }],
  });
const ollama = (version: string) =>
  config({ kind: "ollama", version }, "hf.co/Mungert/kanana-1.5-8b-instruct-2505-GGUF:Q4_K_M");

const plan = (stack: ReturnType<typeof config>, purpose: Purpose) =>
  makePlan(stack, readPlanContext(folder, "own", stack, purpose));
const record = (index: ArtifactIndex) => {
  mkdirSync(join(folder, ".tms-llm"), { recursive: true });
  writeFileSync(join(folder, ".tms-llm", "artifacts.json"), JSON.stringify(index));
};
const archive = (version: string, sha256: string, origin: "official" | "local-build") => ({
  [`ollama-${version}-linux-${ARCHITECTURE}`]: { path: "/cache/ollama.tar.zst", sha256, origin },
});

/** Of 0.17.7 for amd64, as the release catalogue has it. */
const PUBLISHED = "51ca1e0e9f66fa2493ced77debe8d9b9336ffc06271e6dcdde8b9f42b6c80a1d";

describe("the plan of a host of one's own, on a machine where nothing was prepared", () => {
  test("is whole for vLLM, which the host fetches itself", () => {
    const vllm = config({ kind: "vllm" }, `hf.co/kakaocorp/kanana-1.5-8b-instruct-2505@${"b".repeat(40)}`);
    expect(plan(vllm, "host").digest).toBe(plan(vllm, "view").digest);
  });

  test("cannot go to the host for an Ollama whose checksum nobody has verified, and is shown all the same", () => {
    expect(() => plan(ollama("0.17.4"), "host")).toThrow(NotPrepared);
    expect(plan(ollama("0.17.4"), "view").artifacts).toHaveLength(1);
  });

  test.skipIf(ARCHITECTURE !== "amd64")("is the one that up makes, wherever the catalogue knows the archive", () => {
    const shown = plan(ollama("0.17.7"), "view").digest;
    expect(plan(ollama("0.17.7"), "host").digest).toBe(shown);
    record(archive("0.17.7", "c".repeat(64), "local-build"));
    expect(plan(ollama("0.17.7"), "view").digest).toBe(shown);
    record(archive("0.17.7", PUBLISHED, "official"));
    expect([plan(ollama("0.17.7"), "host").digest, plan(ollama("0.17.7"), "view").digest]).toEqual([shown, shown]);
  });

  test("takes the archive that is here where nobody has verified the publisher's", () => {
    const shown = plan(ollama("0.17.4"), "view").digest;
    record(archive("0.17.4", "d".repeat(64), "official"));
    expect(plan(ollama("0.17.4"), "view").digest).not.toBe(shown);
    expect(plan(ollama("0.17.4"), "view").digest).toBe(plan(ollama("0.17.4"), "host").digest);
  });
});
