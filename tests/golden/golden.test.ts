import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { parseStackConfig } from "../../plan/config/parse";
import { readStackFile } from "../../plan/config/stack-file";
import { parseFactsFile } from "../../plan/host-facts";
import { makePlan, type Plan } from "../../plan/plan";
import type { PlanContext } from "../../plan/plan-context";

/**
 * A case is a folder with a stack.yaml, and a facts.yaml where something is left on `auto`; beside it lie the plan and the files that come of it, as they are reviewed.
 * `UPDATE_GOLDEN=1 npm run test:unit` writes them anew.
 */
const update = process.env["UPDATE_GOLDEN"] === "1";

const context: PlanContext = {
  stack: "golden",
  architecture: "amd64",
  artifacts: {
    "ollama-0.17.4-linux-amd64": { path: "/artifacts/ollama.tar.zst", sha256: "a".repeat(64), origin: "official" },
    "tiny-model": { path: "/artifacts/tiny.gguf", sha256: "b".repeat(64), origin: "local-build" },
    "tiny-model-folder": { path: "/artifacts/tiny.tar", sha256: "c".repeat(64), origin: "local-build" },
    "vllm-0.32.0-cuda-stubs": { path: "/artifacts/cuda-stubs.tar", sha256: "d".repeat(64), origin: "local-build" },
    "transformers-5.23.0-cuda-stubs": { path: "/artifacts/cuda-stubs.tar", sha256: "d".repeat(64), origin: "local-build" },
    "vllm-uv": { path: "/artifacts/uv.whl", sha256: "e".repeat(64), origin: "official" },
    "transformers-uv": { path: "/artifacts/uv.whl", sha256: "e".repeat(64), origin: "official" },
  },
};

const sandbox = {
  id: "0123abcd",
  image: "tms-llm-sandbox:0123456789ab",
  sshPort: 20022,
  gatewayPort: 20443,
  subnet4: "10.1.2.0/24",
  gateway4: "10.1.2.1",
  address4: "10.1.2.10",
  allowedProber4: "10.1.2.20",
  refusedProber4: "10.1.2.30",
  subnet6: "fd00:1::/64",
  gateway6: "fd00:1::1",
  address6: "fd00:1::10",
  allowedProber6: "fd00:1::20",
  refusedProber6: "fd00:1::30",
  sshPrivateKeyFile: "/state/id",
  sshPublicKey: "ssh-ed25519 AAAA",
  hostPrivateKeyFile: "/state/host",
  hostPublicKey: "ssh-ed25519 AAAA",
};

/** The plan as files: an overview, and each planned file under its own path. Digests move with every script; they are left out. */
function rendered({ steps, keys, requirements, endpoint }: Plan): Map<string, string> {
  const overview = {
    endpoint,
    requirements,
    keys: keys.map(({ name, generation }) => `${name} generation ${generation}`),
    steps: steps.map(({ name, phase, title, script, inputs, files, artifacts, secrets, terms }) => ({
      name,
      phase,
      title,
      script,
      inputs,
      files: files.map(({ path, owner, mode }) => `${mode} ${owner} ${path}`),
      artifacts: artifacts.map((artifact) => `${artifact.name} ${artifact.sha256.slice(0, 12)}`),
      secrets: secrets.map((secret) => secret.name),
      terms,
    })),
  };
  const files = steps.flatMap((step) => step.files).map(({ path, text }) => [`files${path}`, text] as const);
  return new Map([["plan.yaml", stringify(overview)], ...files]);
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => statSync(join(folder, name)).isFile());
}

const cases = readdirSync(__dirname).filter((name) => statSync(join(__dirname, name)).isDirectory());

describe.each(cases)("golden: %s", (name) => {
  const folder = join(__dirname, name);
  const config = parseStackConfig(readStackFile(readFileSync(join(folder, "stack.yaml"), "utf8"), "stack.yaml"), { stack: name, file: "stack.yaml" });
  const factsPath = join(folder, "facts.yaml");
  const facts = existsSync(factsPath) ? { facts: parseFactsFile(readFileSync(factsPath, "utf8"), name) } : {};
  const planned = () => makePlan(config, { ...context, stack: name, ...facts, ...(config.target.kind === "sandbox" ? { sandbox } : {}) });
  const plan = planned();
  const actual = rendered(plan);

  if (update) {
    rmSync(join(folder, "files"), { recursive: true, force: true });
    for (const [path, text] of actual) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
  }

  test("the plan's files are the reviewed ones, no more and no fewer", () => {
    const reviewed = filesBelow(folder).filter((path) => path !== "stack.yaml" && path !== "facts.yaml");
    expect(reviewed.sort()).toEqual([...actual.keys()].sort());
  });

  test.each([...actual])("%s", (path, text) => {
    expect(text).toBe(readFileSync(join(folder, path), "utf8"));
  });

  test("the same stack file gives the same plan", () => {
    expect(planned()).toEqual(plan);
  });
});
