import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TOOLKIT_PACKAGES } from "../../plan/catalog/container-toolkit";
import { containerToolkitSteps } from "../../plan/container-toolkit";
import { hostFacts } from "../../plan/host-facts";
import type { Step } from "../../plan/step";
import { hostFacts as fixtureFacts } from "../fixtures/hosts/load";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { anchor, checkHost, prepareMaterial, removeAll, runPhase, stackConfig } from "../harness/deployment";
import { dockerWithGpu, NVIDIA_CTK, OWN_DAEMON, putFile } from "../harness/docker-stand-in";
import { makeDebs, makeKey } from "../harness/driver";
import { GO_MISSING, nvidiaCtk } from "../harness/nvidia-ctk";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";

const TOOLS = `export DEBIAN_FRONTEND=noninteractive
  for attempt in 1 2; do
    apt-get -qq install --no-install-recommends apt-utils gpg gpg-agent >/run/tools.log 2>&1 && break
    apt-get -qq update
  done`;

describe.skipIf(DOCKER_MISSING || GO_MISSING)(
  "the container toolkit by real apt and the real nvidia-ctk, from a signed mirror made for the test; Docker, nvidia-smi and the reading of the GPU for CDI are stand-ins (needs Docker and Go)",
  () => {
    let host: BareHost;
    let steps: readonly Step[];
    let bare: Snapshot;

    const apply = () => runPhase(host, "base", steps);
    const drift = async () => (await checkHost(host)).map(({ what, found }) => `${what}: ${found}`);
    const daemon = async () => JSON.parse(await host.shell("cat /etc/docker/daemon.json")) as Record<string, unknown>;
    const put = (path: string, text: string, mode?: string) => putFile(host, path, text, mode);
    const left = async () =>
      differences(bare, await takeSnapshot(host), "equivalent").filter((line) => !line.includes("/var/lib/tms-llm"));

    beforeAll(async () => {
      const [program, { image }] = await Promise.all([nvidiaCtk(), prepareMaterial()]);
      host = await BareHost.start(image);
      await host.shell(TOOLS);
      await dockerWithGpu(host, program);
      // The predecessor's list, whose server has gone.
      await put("/etc/apt/sources.list.d/nvidia-docker.list", "deb file:/srv/gone /\n", "0644");
      const key = await makeKey(host);
      const folder = "/srv/mirror/stable/deb/amd64";
      const packages = (version: string) =>
        TOOLKIT_PACKAGES.map((name) => ({
          name,
          version,
          ...(name === "nvidia-container-toolkit-base" ? { files: { "/usr/bin/nvidia-ctk": NVIDIA_CTK } } : {}),
        }));
      await makeDebs(host, folder, [...packages("1.19.1-1"), ...packages("1.20.0-1")]);
      await host.shell(`set -e; export GNUPGHOME=/run/made/gnupg; cd ${folder}
        gpg --batch --quiet --clearsign --output InRelease Release; gpg --armor --export >/srv/mirror/gpgkey`);
      const config = stackConfig({
        gpu: { containerToolkit: "install" },
        mirrors: { nvidiaContainerToolkit: { url: "file:///srv/mirror", key } },
      });
      steps = containerToolkitSteps(config, "test", hostFacts(fixtureFacts("debian-12-sandbox")));
      await anchor(host);
      bare = await takeSnapshot(host);
    });
    afterAll(() => host.remove());

    test("a container that does not see the GPU fails the deployment", async () => {
      await host.shell("touch /srv/gpu-hidden");
      await expect(apply()).rejects.toThrow(
        /container-toolkit: a container does not see the GPU\n {2}why: Failed to initialize NVML: Unknown Error\n {2}way out: on the host: nvidia-smi -L; nvidia-ctk cdi list; .* docker run --rm --runtime=nvidia/,
      );
      await host.shell("rm /srv/gpu-hidden");
    });

    test("its image is gone after the proof, whether a container saw the GPU or not", async () => {
      expect((await host.ask("[ -e /srv/proof-image.tar ]")).exitCode).not.toBe(0);
    });

    test("a program of the host's, put into such an image as the runtime does it, runs in a real Docker of this machine", async () => {
      const image = `${host.name}-proof`;
      await host.copy(join(__dirname, "../../templates/lib/docker.sh"), "/srv/docker.sh");
      await host.shell(
        "bash -euc 'source /srv/docker.sh; make_proof_root /srv/root /usr/bin/openssl \"\"'; tar -C /srv/root -cf /srv/root.tar .",
      );
      const folder = mkdtempSync(join(tmpdir(), "tms-llm-proof-"));
      try {
        for (const path of ["/srv/root.tar", "/usr/bin/openssl"])
          await execa("docker", ["cp", `${host.name}:${path}`, folder]);
        const run = (...options: string[]) =>
          execa("docker", ["run", "--rm", "--network=none", ...options, image, "openssl", "version"], {
            reject: false,
          });
        await execa("docker", ["import", join(folder, "root.tar"), image]);
        expect((await run()).exitCode).toBe(127);
        const { stdout } = await run(`--volume=${join(folder, "openssl")}:/usr/bin/openssl:ro`);
        expect(stdout).toMatch(/^OpenSSL 3/);
      } finally {
        await execa("docker", ["image", "rm", image], { reject: false });
        rmSync(folder, { recursive: true });
        await host.shell("rm -r /srv/root /srv/root.tar /srv/docker.sh");
      }
    });

    test("four packages of one release are installed and held, although a newer one is offered", async () => {
      await apply();
      expect(
        await host.shell("dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n' '*nvidia-container*' | sort"),
      ).toBe(
        [...TOOLKIT_PACKAGES]
          .sort()
          .map((name) => `${name} 1.19.1-1 hi `)
          .join("\n"),
      );
    });

    test("its runtime joins what Docker's configuration has, and nothing is done the second time", async () => {
      expect(await daemon()).toEqual({
        "log-driver": "journald",
        features: { cdi: true },
        runtimes: { kata: { path: "/usr/bin/kata-runtime" }, nvidia: { args: [], path: "nvidia-container-runtime" } },
      });
      expect(await host.shell("stat -c %a /etc/docker/daemon.json")).toBe("640");
      const applied = await takeSnapshot(host);
      expect((await apply())[0]!.changed).toBe(0);
      expect(differences(applied, await takeSnapshot(host), "reapplied")).toEqual([]);
      expect(await drift()).toEqual([]);
    });

    test("a runtime that somebody took out, and devices of another driver, are drift, and are mended", async () => {
      await put("/etc/docker/daemon.json", OWN_DAEMON, "0640");
      await host.shell("sed -i s/580.126.09/570.1/ /var/run/cdi/nvidia.yaml");
      expect(await drift()).toEqual(["Docker's runtime nvidia: absent", "CDI devices: nvidia.com/gpu=all"]);
      await apply();
      expect(await drift()).toEqual([]);
    });

    test("a container of an image that the stack file names sees the GPU, too", async () => {
      const given = steps.map((step) => ({
        ...step,
        inputs: { ...step.inputs, image: `ubuntu@sha256:${"a".repeat(64)}` },
      }));
      expect((await runPhase(host, "base", given))[0]!.changed).toBe(1);
      await apply();
    });

    test("when it goes, what others changed in Docker's configuration meanwhile stays", async () => {
      await host.shell("sed -i s/journald/local/ /etc/docker/daemon.json");
      await runPhase(host, "base", []);
      expect(await daemon()).toEqual({
        "log-driver": "local",
        runtimes: { kata: { path: "/usr/bin/kata-runtime" } },
      });
      await put("/etc/docker/daemon.json", OWN_DAEMON, "0640");
    });

    test("it goes without a trace; the configuration and the predecessor's list are what they were", async () => {
      await apply();
      await removeAll(host);
      expect(await left()).toEqual([]);
      expect(await host.shell("cat /etc/docker/daemon.json")).toBe(OWN_DAEMON.trimEnd());
    });

    test("a list as NVIDIA's guide has it is used as it is, and stays", async () => {
      const list = "/etc/apt/sources.list.d/nvidia-container-toolkit.list";
      await put(list, "deb [trusted=yes] file:/srv/mirror/stable/deb/$(ARCH) /\n", "0644");
      await host.shell("rm /etc/apt/sources.list.d/nvidia-docker.list && apt-get -qq update");
      await anchor(host);
      await apply();
      expect(await host.shell("ls /etc/apt/sources.list.d")).not.toContain("tms-llm");
      expect(await drift()).toEqual([]);
      await removeAll(host);
      await host.shell(`rm ${list}`);
      bare = await takeSnapshot(host);
    });

    test("a toolkit that was there before is used as it is, and stays", async () => {
      await put("/usr/bin/nvidia-ctk", NVIDIA_CTK);
      await anchor(host);
      await apply();
      expect(await host.shell("ls /etc/apt/sources.list.d")).not.toContain("tms-llm");
      expect(await drift()).toEqual([]);
      await removeAll(host);
      expect(await left()).toEqual([]);
      await host.shell("nvidia-ctk --version");
    });
  },
);
