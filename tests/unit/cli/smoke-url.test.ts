import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { urlTarget } from "../../../cli/smoke-url";
import { runSmoke } from "../../../smoke/run";
import { HOST_CHECKS, KEY, target } from "../smoke/endpoint";

function fileWith(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), "smoke-url-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "file"), content);
  return join(folder, "file");
}

describe("an endpoint that is known by its URL", () => {
  test("is proven as far as a client sees; the rest is not measured, and the whole does not pass", async () => {
    const { endpoint } = await target({});
    const told = urlTarget({ url: `${endpoint}/v1`, keyFile: fileWith(`${KEY}\n`) });
    const { verdict, checks } = await runSmoke(told);
    expect(verdict).toBe("inconclusive");
    expect(checks.filter((check) => check.verdict !== "pass").map(({ id, observed }) => `${id}: ${observed}`)).toEqual([
      "body-limit: not measured: the limit is not known here",
      "firewall: not measured: no host access",
      "engine-loopback: not measured: no host access",
      "engine-version: not measured: no host access",
      "placement: not measured: no host access",
      "known-keys: not measured: no host access",
      "digest: not measured: no host access",
    ]);
  });

  test("passes when these are left out by name", async () => {
    const { endpoint } = await target({});
    const told = urlTarget({ url: endpoint, keyFile: fileWith(KEY), model: "tiny" });
    const exclude = ["body-limit", ...HOST_CHECKS];
    expect(await runSmoke({ ...told, exclude })).toMatchObject({ verdict: "pass", excluded: exclude });
  });
});

describe("what the options lack is told at once", () => {
  test.each([
    { title: "no key file", options: { url: "https://llm.internal" } },
    { title: "no such files", options: { url: "https://llm.internal", keyFile: "no.key", ca: "no.pem" } },
  ])("$title", ({ options }) => {
    expect(() => urlTarget(options)).toThrowErrorMatchingSnapshot();
  });

  test("neither a URL nor a key", () => {
    expect(() => urlTarget({ url: "llm.internal/v2", keyFile: fileWith("short") })).toThrow(
      /--url is "llm.internal\/v2"; allowed is .*\n--key-file .*: its content is too short for a key/,
    );
  });
});
