import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { deploy, plannedSteps, prepareMaterial, stackConfig } from "../harness/deployment";

describe.skipIf(DOCKER_MISSING)("what operators of Ollama set by variables before (needs Docker)", () => {
  let host: BareHost;

  beforeAll(async () => {
    const material = await prepareMaterial();
    host = await BareHost.start(material.image);
    const engine = { kind: "ollama", gpus: [1, 0], flashAttention: true, kvCacheType: "q8_0" };
    const steps = plannedSteps(material, stackConfig({ engine }));
    await deploy(
      host,
      steps.filter(({ phase }) => phase === "base" || phase === "engine"),
    );
  });
  afterAll(() => host.remove());

  test.each([
    ["the cache's type", "OLLAMA_KV_CACHE_TYPE:q8_0"],
    ["flash attention", "OLLAMA_FLASH_ATTENTION:true"],
    ["the GPUs", "CUDA_VISIBLE_DEVICES:1,0"],
  ])("reaches the engine: %s", async (_, word) => {
    const log = await host.shell("journalctl -u tms-ollama --no-pager -o cat | grep 'server config'");
    expect(log).toContain(word);
  });

  test("lets the engine's threads see the order of the GPUs that nvidia-smi has", async () => {
    const environment = await host.shell(
      "tr '\\0' '\\n' </proc/$(systemctl show --property MainPID --value tms-ollama)/environ",
    );
    expect(environment).toContain("CUDA_DEVICE_ORDER=PCI_BUS_ID");
  });
});
