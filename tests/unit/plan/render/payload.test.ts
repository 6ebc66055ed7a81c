import { gunzipSync } from "node:zlib";
import { parseTar } from "nanotar";
import { expect, test } from "vitest";
import { accountStep } from "../../../../plan/account";
import { fillSecrets, phasePayload, planDigest, renderPayload } from "../../../../plan/render/payload";
import type { Step } from "../../../../plan/step";

const step = (overrides: Partial<Step>): Step => ({ ...accountStep(), ...overrides });

const unpack = (base64: string) =>
  new Map(parseTar(gunzipSync(Buffer.from(base64, "base64"))).map(({ name, text }) => [name, text]));

test("inputs reach the script as they are, whatever they contain", () => {
  const payload = phasePayload("base", [step({ inputs: { prompt: "it's $HOME\n`id`" } })], { limitSeconds: 60 });
  expect(payload.files["steps/00-account/inputs.sh"]).toBe("in_prompt='it'\\''s $HOME\n`id`'\n");
});

test("the same steps give the same payload, byte for byte", () => {
  const render = () => renderPayload(phasePayload("base", [accountStep()], { limitSeconds: 60 }), {});
  expect(render()).toBe(render());
});

test("secrets are in the payload and in no digest", () => {
  const steps = [
    step({
      files: [{ path: "/etc/keys", text: "key={{secret:client/tms/a}}", owner: "root:root", mode: "0600" }],
      secrets: [{ name: "client/tms/a", generation: 1 }],
    }),
  ];
  const payload = phasePayload("base", steps, { limitSeconds: 60 });
  expect(JSON.stringify(payload)).not.toContain("S3CRET");
  expect(unpack(renderPayload(payload, { "client/tms/a": "S3CRET" })).get("steps/00-account/files/0")).toBe(
    "key=S3CRET",
  );
});

test("a new generation of a key is a new digest", () => {
  const digest = (generation: number) =>
    phasePayload("base", [step({ secrets: [{ name: "client/tms/a", generation }] })], { limitSeconds: 60 }).digest;
  expect(digest(2)).not.toBe(digest(1));
});

test("a slot without a value is an error, not an empty key", () => {
  expect(() => fillSecrets("{{secret:client/tms/b}}", {})).toThrow("no value for the secret client/tms/b");
});

test("the plan's digest is what the host computes: one line per phase", () => {
  const digest = planDigest([{ phase: "base", digest: "1".repeat(64), files: {} }]);
  // printf 'base 111…1\n' | sha256sum
  expect(digest).toBe(planDigest([{ phase: "base", digest: "1".repeat(64), files: { ignored: "x" } }]));
  expect(digest).toHaveLength(64);
});
