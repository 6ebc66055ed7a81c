import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PythonEngineKind } from "../../plan/catalog/python-engines";
import { environmentFile } from "../../plan/engines/served-folder";
import { makePlan } from "../../plan/plan";
import { ENGINE_UNIT } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { prepareMaterial, stackConfig } from "../harness/deployment";

/** What an engine for GPUs sees of its host: the files of the plan, with another program in the engine's place. */

/** The text of a file that the plan puts on a host with a GPU. */
function planned(kind: PythonEngineKind, path: string): string {
  const models = [{ name: "tiny", source: "folder:/srv/weights", context: 2048 }];
  const { steps } = makePlan(stackConfig({ engine: { kind }, models }), {
    ...{ stack: "test", artifacts: {}, architecture: "amd64" },
  });
  return steps.flatMap(({ files }) => files).find((file) => file.path === path)!.text;
}

const NVCC = "/usr/local/cuda/bin/nvcc";

/** The engine's unit as it is, running a shell instead, once. */
const looking = (unit: string) =>
  unit
    .replace(/^ExecStart=.*$/m, `ExecStart=/bin/sh -c 'cat ${NVCC}; ls -d $CUDA_HOME'`)
    .replace(/^ExecStartPre=.*\n/gm, "")
    .replace("Type=exec", "Type=oneshot")
    .replace("Restart=always\n", "");

describe.skipIf(DOCKER_MISSING)("an engine on a host with a CUDA toolkit of its own (needs Docker)", () => {
  let host: BareHost;

  beforeAll(async () => {
    host = await BareHost.start((await prepareMaterial()).image);
    await host.shell(`
      useradd --system tms
      install -d /etc/tms-llm /opt/llm/cache /usr/local/cuda-12.4/bin
      echo 'release 12.4' >/usr/local/cuda-12.4/bin/nvcc
      # As the toolkit's packages leave it, by alternatives.
      ln -s /usr/local/cuda-12.4 /etc/alternatives/cuda
      ln -s /etc/alternatives/cuda /usr/local/cuda
      cat ${NVCC}`);
  });
  afterAll(() => host.remove());

  /** What the program in the engine's place says. */
  async function seen(kind: PythonEngineKind, unit: string): Promise<string> {
    await host.shell(`cat >${environmentFile(kind)}`, planned(kind, environmentFile(kind)));
    await host.shell(`cat >/etc/systemd/system/${ENGINE_UNIT[kind]}`, looking(unit));
    return host.shell(`systemctl daemon-reload; systemctl start ${ENGINE_UNIT[kind]}
      journalctl --sync; journalctl _SYSTEMD_INVOCATION_ID=$(systemctl show -p InvocationID --value ${ENGINE_UNIT[kind]}) -o cat`);
  }

  describe.each(["vllm", "transformers"] as const)("%s", (kind) => {
    const unit = () => planned(kind, `/etc/systemd/system/${ENGINE_UNIT[kind]}`);

    test("does not see it, wherever its links lead", async () => {
      const said = await seen(kind, unit());
      expect(said).toContain(`cat: ${NVCC}: Permission denied`);
      expect(said).toMatch(/^ls: cannot access '\/nonexistent'/m);
    });

    test("would see it by a unit that does not hide it", async () => {
      expect(await seen(kind, unit().replace("InaccessiblePaths=-/usr/local/cuda\n", ""))).toContain("release 12.4");
    });

    test("starts on a host that has none", async () => {
      await host.shell("mv /usr/local/cuda /usr/local/was-cuda");
      const said = await seen(kind, unit());
      await host.shell("mv /usr/local/was-cuda /usr/local/cuda");
      expect(said).toContain(`cat: ${NVCC}: No such file or directory`);
    });

    test("has a unit that systemd reads without a complaint", async () => {
      await host.shell(
        `install -D /bin/true /opt/llm/${kind}/current/release/bin/${kind === "vllm" ? "vllm" : "python"}`,
      );
      for (const name of [ENGINE_UNIT[kind], "tms-llm-gpu.service"])
        await host.shell(`cat >/etc/systemd/system/${name}`, planned(kind, `/etc/systemd/system/${name}`));
      const { stdout, stderr } = await host.ask(`systemd-analyze verify /etc/systemd/system/${ENGINE_UNIT[kind]}`);
      expect(stdout + stderr).toBe("");
    });
  });
});
