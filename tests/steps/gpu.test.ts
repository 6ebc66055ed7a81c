import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import {
  anchor,
  checkHost,
  deliver,
  deploy,
  plannedSteps,
  prepareMaterial,
  runPhase,
  stackConfig,
} from "../harness/deployment";
import { standInGpu } from "../harness/gpu";

const config = stackConfig({ engine: { kind: "ollama", device: "gpu" } });

async function hostWithSteps(): Promise<{ host: BareHost; steps: readonly Step[] }> {
  const material = await prepareMaterial();
  const host = await BareHost.start(material.image);
  const steps = plannedSteps(material, config);
  await anchor(host);
  await deliver(host, steps);
  return { host, steps };
}

describe.skipIf(DOCKER_MISSING)(
  "a real Ollama without a GPU, where one is expected; nvidia-smi and the device files are stand-ins (needs Docker)",
  () => {
    let host: BareHost;
    let steps: readonly Step[];
    const run = (phase: Step["phase"]) =>
      runPhase(
        host,
        phase,
        steps.filter((step) => step.phase === phase),
      );

    beforeAll(async () => {
      ({ host, steps } = await hostWithSteps());
      await run("base");
    });
    afterAll(() => host.remove());

    test("of a model above 2 GiB, which Debian's awk cannot count, the part on the GPU is told (what Ollama says is a fake)", async () => {
      const fault = `
        curl() {
          case $* in
            */api/tags) echo '{"models":[{"name":"large:latest","size":9000000000,"digest":"3a5c44da"}]}' ;;
            *) echo '{"models":[{"name":"large:latest","size":14000000000,"digest":"3a5c44da","size_vram":8000000000}]}' ;;
          esac
        }
        ollama_gpu_fault 11434 large`;
      const library = readFileSync(join(__dirname, "../../templates/lib/gpu.sh"), "utf8");
      expect(await host.shell("readlink -f /usr/bin/awk")).toBe("/usr/bin/mawk");
      expect(await host.shell("bash -s", `${library}\n${fault}`)).toBe(
        "7629 of its 13351 MiB lie on the GPU, the rest in the host's memory",
      );
    });

    test("without a driver nothing of the engine is installed", async () => {
      const impatient = steps.map((step) =>
        step.name === "gpu" ? { ...step, inputs: { ...step.inputs, seconds: "1" } } : step,
      );
      await expect(
        runPhase(
          host,
          "engine",
          impatient.filter(({ phase }) => phase === "engine"),
        ),
      ).rejects.toThrow(
        /gpu: the GPU does not answer\n {2}why: no GPU after 1 s: nvidia-smi says: .*No such file.*\n {2}way out: /,
      );
      expect(await host.shell("ls /opt/llm")).not.toContain("ollama");
    });

    test("a model that comes to lie in the host's memory fails the deployment, and is not left there", async () => {
      await standInGpu(host, ["nvidia-smi", "nvidia-modprobe"]);
      await run("engine");
      await expect(run("model")).rejects.toThrow(
        /: model tiny is not on the GPU\n {2}why: it lies in the host's memory, so the engine computes on the CPU\n {2}way out: see why .* set engine.device to any/,
      );
      expect(await host.shell("curl -s 127.0.0.1:11434/api/tags")).toBe('{"models":[]}');
    });
  },
);

describe.skipIf(DOCKER_MISSING)(
  "a host with a GPU, of which nvidia-smi, the device files and Ollama's word on its memory are stand-ins (needs Docker)",
  () => {
    let host: BareHost;
    let steps: readonly Step[];

    const ofPhase = (phase: Step["phase"]) => steps.filter((step) => step.phase === phase);
    const health = async () => (await host.ask("/opt/llm/health-check.sh")).stdout;
    const currentRun = "systemctl show --property InvocationID --value tms-ollama.service";
    const drift = async () => (await checkHost(host)).map(({ step, what, found }) => `${step}: ${what}: ${found}`);
    const state = async (unit: string) => (await host.ask(`systemctl is-active ${unit}`)).stdout;
    const until = (condition: string) =>
      host.shell(`for attempt in $(seq 300); do if ${condition}; then exit 0; fi; sleep 0.2; done; exit 1`);

    beforeAll(async () => {
      ({ host, steps } = await hostWithSteps());
      await standInGpu(host, ["nvidia-smi", "nvidia-modprobe", "curl"]);
    });
    afterAll(() => host.remove());

    test("a model that does not fit the GPU whole fails the deployment, with what to do about it", async () => {
      await host.shell("echo 60 >/srv/gpu/percent");
      await expect(deploy(host, steps)).rejects.toThrow(
        /model tiny is not on the GPU\n {2}why: \d+ of its \d+ MiB lie on the GPU, the rest in the host's memory\n {2}way out: .*smaller quantization/,
      );
      await host.shell("echo 100 >/srv/gpu/percent");
    });

    test("a model wholly on the GPU is deployed, and stays as it is", async () => {
      await deploy(host, steps);
      const again = await deploy(host, steps);
      expect(again.map(({ changed }) => changed)).toEqual(again.map(() => 0));
      expect(await checkHost(host)).toEqual([]);
      expect(await health()).toMatch(/gpu +OK +answers\nplacement +OK +tiny:latest lies on the GPU/);
    });

    test("a model that came to lie on the CPU is drift; up restarts the engine and finds it on the GPU again", async () => {
      await host.shell(`${currentRun} >/srv/gpu/run-on-cpu`);
      const fault = "it lies in the host's memory, so the engine computes on the CPU";
      expect(await drift()).toEqual([expect.stringContaining(`model tiny: ${fault}`)]);
      expect(await health()).toContain(`FAULT  tiny:latest: ${fault}`);
      await runPhase(host, "model", ofPhase("model"));
      expect(await checkHost(host)).toEqual([]);
    });

    test("at boot the engine waits for a driver that comes late, then the health check has the model loaded and finds it there", async () => {
      await host.shell("touch /srv/gpu/driver-down");
      await host.reboot(["starting"]);
      await until("systemctl is-active tms-llm-gpu.service | grep -q activating");
      expect(await state("tms-ollama.service")).toBe("inactive");
      expect(await health()).toMatch(/gpu +FAULT +nvidia-smi says: NVIDIA-SMI has failed/);
      await host.shell("rm /srv/gpu/driver-down");
      await until("systemctl is-active --quiet tms-ollama.service && curl -sf 127.0.0.1:11434/api/version");
      expect(await health()).toMatch(/gpu +OK +answers\nplacement +OK +tiny:latest lies on the GPU/);
      expect(await checkHost(host)).toEqual([]);
    });

    test("a driver that is lost is drift, and the engine says so instead of starting on the CPU", async () => {
      await host.shell(
        "touch /srv/gpu/driver-down; systemctl stop tms-llm-gpu; systemctl kill --signal=KILL tms-ollama.service",
      );
      await until("systemctl is-active tms-llm-gpu.service | grep -q activating");
      expect(await drift()).toContain(
        "gpu: GPU: nvidia-smi says: NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.",
      );
      // The wait comes to its end, and the unit's own question has the same answer.
      await host.shell("systemctl stop tms-llm-gpu");
      await until(
        "journalctl -u tms-ollama -o cat | grep -q 'no GPU after 1 s: nvidia-smi says: NVIDIA-SMI has failed'",
      );
      await host.shell("rm /srv/gpu/driver-down");
      await until("systemctl is-active --quiet tms-ollama.service && curl -sf 127.0.0.1:11434/api/version");
    });
  },
);
