import { describe, expect, test } from "vitest";
import type { ArtifactIndex } from "../../../../plan/artifacts";
import { stackSchema } from "../../../../plan/config/schema";
import { ollamaArchive } from "../../../../plan/engines/ollama";
import type { PlanContext } from "../../../../plan/plan-context";

const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
const SSH = { kind: "ssh", host: "192.0.2.1", hostKey: HOST_KEY };
const PUBLISHED = "https://github.com/ollama/ollama/releases/download/v0.17.7/ollama-linux-amd64.tar.zst";
const CATALOGUED = "51ca1e0e9f66fa2493ced77debe8d9b9336ffc06271e6dcdde8b9f42b6c80a1d";
const pinned = "b".repeat(64);

function archive(
  version: string,
  { target = SSH, mirrors = {} }: { target?: object; mirrors?: object } = {},
  context: Partial<PlanContext> = {},
) {
  const config = stackSchema.parse({ target, mirrors, models: [{ name: "tiny", source: "builtin:tiny" }] });
  return ollamaArchive({ version }, config, { artifacts: {}, architecture: "amd64", ...context });
}

const index = (origin: ArtifactIndex[string]["origin"]): ArtifactIndex => ({
  "ollama-0.17.7-linux-amd64": { path: "/a.tar.zst", sha256: CATALOGUED, origin },
});

describe("Ollama's archive for a host of one's own", () => {
  test("is planned from the catalogue alone, with nothing on this machine", () => {
    expect(archive("0.17.7")).toEqual({
      name: "ollama",
      sha256: CATALOGUED,
      source: { kind: "url", url: PUBLISHED, orSent: {} },
    });
  });

  test("may be sent in its place where this machine has the publisher's", () => {
    expect(archive("0.17.7", {}, { artifacts: index("official") }).source).toEqual({
      kind: "url",
      url: PUBLISHED,
      orSent: { path: "/a.tar.zst" },
    });
  });

  test("is never what this machine has built itself", () => {
    expect(archive("0.17.7", {}, { artifacts: index("local-build") }).source).toEqual({
      kind: "url",
      url: PUBLISHED,
      orSent: {},
    });
  });

  test("has the checksum that this clone has pinned, where the catalogue has none", () => {
    expect(archive("0.17.4", {}, { pins: { "ollama-0.17.4-linux-amd64": pinned } }).sha256).toBe(pinned);
    expect(() => archive("0.17.4")).toThrow(
      /checksum of Ollama 0\.17\.4 for amd64 is neither in .*\n {2}way out: npm run up/,
    );
  });

  test("comes from a mirror that the host can ask", () => {
    expect(archive("0.17.7", { mirrors: { ollama: "https://mirror.internal/ollama" } }).source).toMatchObject({
      url: "https://mirror.internal/ollama/v0.17.7/ollama-linux-amd64.tar.zst",
    });
  });

  test.each([["folder:/srv/ollama"], ["https://reader:geheim@mirror.internal/ollama"]])(
    "is sent from this machine where only this machine may ask %s",
    (ollama) => {
      const found = archive("0.17.7", { mirrors: { ollama } }, { artifacts: index("official") });
      expect(found.source).toEqual({ kind: "local", path: "/a.tar.zst" });
    },
  );
});

test("a sandbox is sent what this machine has, its own build too", () => {
  const found = archive("0.17.7", { target: { kind: "sandbox" } }, { artifacts: index("local-build") });
  expect(found.source).toEqual({ kind: "local", path: "/a.tar.zst" });
});
