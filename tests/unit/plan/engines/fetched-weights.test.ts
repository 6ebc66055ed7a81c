import { gunzipSync } from "node:zlib";
import { parseTar } from "nanotar";
import { describe, expect, test } from "vitest";
import { stackSchema } from "../../../../plan/config/schema";
import { secretFault } from "../../../../plan/config/stack-secrets";
import { makePlan, planRequirements } from "../../../../plan/plan";
import { phasePayload, renderPayload, type SecretValues } from "../../../../plan/render/payload";

const COMMIT = "0123456789".repeat(4);
const KANANA = `hf.co/kakaocorp/kanana-1.5-8b-instruct-2505@${COMMIT}`;
const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

const stack = (
  kind: "vllm" | "transformers",
  model: Record<string, unknown> = {},
  more: Record<string, unknown> = {},
) =>
  stackSchema.parse({
    target: { kind: "ssh", host: "gpu.internal", hostKey: HOST_KEY },
    engine: { kind },
    models: [{ name: "m", source: KANANA, ...model }],
    access: { allow: ["10.0.0.0/8"] },
    ...more,
  });

const CONTEXT = { stack: "test", architecture: "amd64", artifacts: {} };

const modelStep = (...parts: Parameters<typeof stack>) =>
  makePlan(stack(...parts), CONTEXT).steps.find(({ phase }) => phase === "model")!;

describe("weights of a commit", () => {
  test("have one folder, whichever engine serves them, and another for each commit", () => {
    const { weights } = modelStep("vllm").inputs;
    expect(weights).toBe("/opt/llm/models/huggingface/kakaocorp--kanana-1.5-8b-instruct-2505-012345678901");
    expect(modelStep("transformers").inputs["weights"]).toBe(weights);
    expect(modelStep("vllm", { source: KANANA.replace("@0", "@f") }).inputs["weights"]).not.toBe(weights);
  });

  test.each([
    ["from the Hub", {}, {}, { endpoint: "https://huggingface.co", download: "yes" }],
    ["from a mirror", {}, { mirrors: { huggingFace: "hf.internal" } }, { endpoint: "https://hf.internal" }],
    ["from nowhere", { download: false }, {}, { download: "" }],
  ])("are fetched %s", (_, model, more, expected) => {
    expect(modelStep("transformers", model, more).inputs).toMatchObject({
      repository: "kakaocorp/kanana-1.5-8b-instruct-2505",
      commit: COMMIT,
      fetch: "/opt/llm/transformers/fetch.py",
      ...expected,
    });
  });

  test("are served from their folder, by an engine that asks nobody", () => {
    const { files, inputs } = modelStep("transformers");
    const textOf = (ending: string) => files.find(({ path }) => path.endsWith(ending))!.text;
    expect(textOf("settings.json")).toContain(`"model": "${inputs["weights"]!}"`);
    expect(textOf("transformers.env")).toContain("HF_HUB_OFFLINE=1\n");
  });

  test("are counted by preflight where they are going to be fetched, as far as the catalogue knows them", () => {
    const room = (model: Record<string, unknown>) => planRequirements(stack("vllm", model), CONTEXT).diskBytes["/opt"]!;
    const without = room({ download: false });
    expect(room({}) - without).toBeCloseTo(8.03e9 * 2, -9);
    expect(room({ source: `hf.co/some/model@${COMMIT}` })).toBe(without);
  });
});

describe("the token", () => {
  const inputsOf = (secrets: SecretValues): string => {
    const payload = phasePayload("model", [modelStep("vllm")], { limitSeconds: 1 });
    const sent = gunzipSync(Buffer.from(renderPayload(payload, { "engine/vllm": "k", ...secrets }), "base64"));
    return parseTar(sent).find(({ name }) => name.endsWith("inputs.sh"))!.text;
  };

  test("stays empty where there is none, and changes nothing but what is sent", () => {
    expect(inputsOf({})).toContain("in_token=''\n");
    expect(inputsOf({ "huggingface/token": "hf_granted" })).toContain("in_token='hf_granted'\n");
  });

  test.each(["it's bad", "hf_a b", "", "hf_a\nb"])("is refused as %j, which is not shown", (value) => {
    const fault = secretFault("huggingFaceToken", value);
    expect(fault).toMatch(/^tms-llm:huggingFaceToken is not an access token of Hugging Face's \(not shown\)\./);
    if (value !== "") expect(fault).not.toContain(value);
  });

  test("is taken as the Hub makes it", () => {
    expect(secretFault("huggingFaceToken", `hf_${"aB3".repeat(11)}`)).toBeUndefined();
  });
});
