import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import {
  checkHost,
  deploy,
  plannedSteps,
  prepareMaterial,
  runPhase,
  stackConfig,
  submitPhase,
} from "../harness/deployment";
import { REGISTRY, RegistryStandIn } from "../harness/registry";

const TIB = 2 ** 40;

describe.skipIf(DOCKER_MISSING)(
  "a model that the real Ollama fetches, from a stand-in of its registry on the host itself (needs Docker)",
  () => {
    let host: BareHost;
    let registry: RegistryStandIn;
    let phase: (source: string) => readonly Step[];
    let sha256: string;

    beforeAll(async () => {
      const material = await prepareMaterial();
      const weights = material.artifacts["tiny-model"]!;
      sha256 = weights.sha256;
      host = await BareHost.start(material.image);
      registry = await RegistryStandIn.start(host);
      await registry.publish("library/small:1b", weights.path);
      await registry.publish("library/huge:900b", weights.path, 4 * TIB);
      await registry.publish("some/huge-GGUF:Q8_0", weights.path, 4 * TIB);
      const planned = (models: readonly object[]) =>
        plannedSteps(material, stackConfig({ models, mirrors: { ollamaLibrary: REGISTRY, huggingFace: REGISTRY } }));
      phase = (source) =>
        planned([{ name: "wanted", source, context: 2048, sha256 }]).filter((step) => step.phase === "model");
      await deploy(
        host,
        planned([{ name: "wanted", source: "ollama:small:1b", context: 2048, sha256 }]).filter(
          (step) => step.phase === "base" || step.phase === "engine",
        ),
      );
    });
    afterAll(() => host.remove());

    test.each([
      ["a name of Ollama's library", "ollama:huge:900b", "library/huge/manifests/900b"],
      ["a repository of Hugging Face", "hf.co/some/huge-GGUF:Q8_0", "some/huge-GGUF/manifests/Q8_0"],
    ])("is refused before a byte of it is fetched where the disk has no room: %s", async (_title, source, path) => {
      const { exitCode, stderr } = await submitPhase(host, "model", phase(source));
      expect(exitCode).not.toBe(0);
      expect(stderr).toContain("model wanted does not fit on the disk");
      expect(stderr).toMatch(
        new RegExp(`4\\.1TiB come from https://${REGISTRY}/v2/${path}, and [0-9.]+[GT]iB are free at /opt/llm/models`),
      );
      expect(await registry.requests()).toEqual([`GET /v2/${path}`]);
    });

    test("is left to Ollama, with a word, where the registry does not tell its size", async () => {
      const told = async () => (await host.journal()).split("how large wanted is cannot be told beforehand").length - 1;
      const unknown = await submitPhase(host, "model", phase("ollama:unknown:7b"));
      expect(await told()).toBe(1);
      expect(unknown.stderr).toContain("model wanted could not be made");
      await registry.down();
      const silent = await submitPhase(host, "model", phase("ollama:small:1b"));
      await registry.up();
      expect(await told()).toBe(2);
      expect(silent.stderr).toContain("model wanted could not be made");
    });

    test("is fetched and served where there is room, and nobody is asked again", async () => {
      await registry.requests();
      await runPhase(host, "model", phase("ollama:small:1b"));
      expect(await registry.requests()).toContain("GET /v2/library/small/manifests/1b");
      expect(await checkHost(host)).toEqual([]);
      expect((await runPhase(host, "model", phase("ollama:small:1b"))).map(({ changed }) => changed)).toEqual([0]);
      expect(await registry.requests()).toEqual([]);
    });
  },
);
