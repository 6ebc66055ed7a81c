import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stackSchema } from "../../../../plan/config/schema";
import { parseFactsFile } from "../../../../plan/host-facts";
import { assumptions } from "../../../../plan/review/assumptions";

const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
const OWN_HOST = { kind: "ssh", host: "llm-1", hostKey: HOST_KEY };
const stack = (changes: Record<string, unknown>) =>
  stackSchema.parse({
    target: OWN_HOST,
    models: [{ name: "kanana", source: "ollama:kanana", context: "24k" }],
    ...changes,
  });
const CONTEXT = { stack: "own", architecture: "amd64" };

test("a host that nobody has measured is told, with what the plan takes for granted of it", () => {
  expect(assumptions(stack({ engine: { kind: "vllm" } }), CONTEXT).join("\n")).toMatchInlineSnapshot(`
    "facts.own.yaml is not there, so nobody has measured the host. The plan takes for granted:
      - amd64 with glibc 2.34 or newer, which decides what packages vLLM takes
      - the firewall of the host's family: ufw, or firewalld on RHEL's
      - memory for kanana with a context of 24k, on a GPU whose driver works
    npm run facts -- own measures it; up does so before it changes anything.
    "
  `);
});

test("what the stack file says is not taken for granted, and Ollama may compute on the processor", () => {
  expect(assumptions(stack({ access: { firewall: "ufw" } }), CONTEXT).join("\n")).toMatchInlineSnapshot(`
    "facts.own.yaml is not there, so nobody has measured the host. The plan takes for granted:
      - amd64, as this machine is
      - memory for kanana with a context of 24k
    npm run facts -- own measures it; up does so before it changes anything.
    "
  `);
});

test("an engine in Python is not planned for the processor of this machine", () => {
  const onArm = { ...CONTEXT, architecture: "arm64" };
  expect(assumptions(stack({ engine: { kind: "vllm" } }), onArm)).toContain(
    "  - amd64 with glibc 2.34 or newer, which decides what packages vLLM takes",
  );
  expect(assumptions(stack({}), onArm)).toContain("  - arm64, as this machine is");
});

test("of a measured host and of a sandbox nothing is taken for granted", () => {
  const facts = parseFactsFile(readFileSync(join(__dirname, "../../../golden/auto-l4/facts.yaml"), "utf8"), "own");
  expect(assumptions(stack({}), { ...CONTEXT, facts })).toEqual([]);
  expect(assumptions(stack({ target: { kind: "sandbox" } }), CONTEXT)).toEqual([]);
});
