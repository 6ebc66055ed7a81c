import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TOOLKIT_PACKAGES } from "../../plan/catalog/container-toolkit";
import { containerToolkitSteps } from "../../plan/container-toolkit";
import { hostFacts } from "../../plan/host-facts";
import { proxyVariables } from "../../plan/network";
import type { Step } from "../../plan/step";
import { hostFacts as fixtureFacts } from "../fixtures/hosts/load";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { anchor, checkHost, prepareMaterial, removeAll, runPhase, stackConfig } from "../harness/deployment";
import { dockerWithGpu, NVIDIA_CTK, OWN_DAEMON, putFile } from "../harness/docker-stand-in";
import { makeKey } from "../harness/driver";
import { GO_MISSING, nvidiaCtk } from "../harness/nvidia-ctk";
import { becomeOracleLinux, EVERY_HOST, makeRpms, rpmTools } from "../harness/rpms";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";

/** Known to the proxy alone. */
const MIRROR = "mirror.internal";
const PROXY_PORT = 3128;

/** Python's web server takes a whole URL, as a proxy is asked for it, for a path. */
const PROXY = `mkdir -p /srv/proxy/http: && ln -s /srv/mirror /srv/proxy/http:/${MIRROR}
  systemd-run --quiet --unit=proxy python3 -m http.server --bind 127.0.0.1 --directory /srv/proxy ${PROXY_PORT}
  until ss -Hltn sport = :${PROXY_PORT} | grep -q .; do sleep 0.05; done`;

describe.skipIf(DOCKER_MISSING || GO_MISSING)(
  "the container toolkit by real dnf and rpm and the real nvidia-ctk, on a Debian host that calls itself Oracle Linux 8, from a mirror with a signed index that only a proxy reaches; the packages are made for the test; the proxy, Docker, SELinux, nvidia-smi and the reading of the GPU for CDI are stand-ins (needs Docker and Go)",
  () => {
    let host: BareHost;
    let steps: readonly Step[];
    let bare: Snapshot;

    const apply = () =>
      runPhase(
        host,
        "base",
        steps,
        proxyVariables({ proxy: `http://127.0.0.1:${PROXY_PORT}`, noProxy: [], hosts: {} }),
      );
    const drift = async () => (await checkHost(host)).map(({ what, found }) => `${what}: ${found}`);
    const left = async () =>
      differences(bare, await takeSnapshot(host), "equivalent").filter((line) => !line.includes("/var/lib/tms-llm"));

    beforeAll(async () => {
      const [program, { image }] = await Promise.all([nvidiaCtk(), prepareMaterial()]);
      host = await BareHost.start(image);
      await rpmTools(host);
      await dockerWithGpu(host, program);
      // The predecessor's repository, whose server has gone.
      await putFile(
        host,
        "/etc/yum.repos.d/nvidia-docker.repo",
        "[nvidia-docker]\nname=gone\nbaseurl=file:///srv/gone\ngpgcheck=0\n",
        "0644",
      );
      const key = await makeKey(host);
      const folder = "/srv/mirror/stable/rpm/x86_64";
      const packages = (version: string) =>
        TOOLKIT_PACKAGES.map((name) => ({
          name,
          version,
          ...(name === "nvidia-container-toolkit-base" ? { files: { "/usr/bin/nvidia-ctk": NVIDIA_CTK } } : {}),
        }));
      await makeRpms(host, "/srv/host", [...EVERY_HOST, { name: "python3-dnf-plugin-versionlock", version: "1" }]);
      await makeRpms(host, folder, [...packages("1.19.1"), ...packages("1.20.0")]);
      await host.shell(`set -e; export GNUPGHOME=/run/made/gnupg
        gpg --batch --quiet --armor --detach-sign ${folder}/repodata/repomd.xml
        gpg --armor --export >/srv/mirror/gpgkey
        ${PROXY}`);
      await host.shell("mv /etc/yum.repos.d/nvidia-docker.repo /run/");
      await becomeOracleLinux(host, "/srv/host");
      await host.shell("mv /run/nvidia-docker.repo /etc/yum.repos.d/");
      const config = stackConfig({
        gpu: { containerToolkit: "install" },
        mirrors: { nvidiaContainerToolkit: { url: `http://${MIRROR}`, key } },
      });
      steps = containerToolkitSteps(config, "test", hostFacts(fixtureFacts("oracle-8")));
      await anchor(host);
      bare = await takeSnapshot(host);
    });
    afterAll(() => host.remove());

    test("a container that does not see the GPU fails the deployment, with advice for a host that enforces SELinux", async () => {
      await putFile(host, "/usr/local/sbin/getenforce", "#!/bin/sh\necho Enforcing\n");
      await host.shell("touch /srv/gpu-hidden");
      await expect(apply()).rejects.toThrow(
        /a container does not see the GPU\n {2}why: Failed to initialize NVML[^]*setsebool -P container_use_devices on/,
      );
      await host.shell("rm /srv/gpu-hidden /usr/local/sbin/getenforce");
    });

    test("four packages of one release are installed and locked, although a newer one is offered", async () => {
      await apply();
      expect(await host.shell("rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE}\\n' '*nvidia-container*' | sort")).toBe(
        [...TOOLKIT_PACKAGES]
          .sort()
          .map((name) => `${name} 1.19.1-1`)
          .join("\n"),
      );
      expect(await host.shell("dnf -q versionlock list | sed 's/-[0-9]*:.*//' | sort | xargs")).toBe(
        [...TOOLKIT_PACKAGES].sort().join(" "),
      );
    });

    test("its runtime joins Docker's configuration, and nothing is done the second time", async () => {
      expect(JSON.parse(await host.shell("cat /etc/docker/daemon.json"))).toEqual({
        "log-driver": "journald",
        features: { cdi: true },
        runtimes: { kata: { path: "/usr/bin/kata-runtime" }, nvidia: { args: [], path: "nvidia-container-runtime" } },
      });
      const applied = await takeSnapshot(host);
      expect((await apply())[0]!.changed).toBe(0);
      expect(differences(applied, await takeSnapshot(host), "reapplied")).toEqual([]);
      expect(await drift()).toEqual([]);
    });

    test("a package that somebody brought to another release is drift, and is mended", async () => {
      await host.shell(
        "dnf -q -y versionlock clear; http_proxy=http://127.0.0.1:3128 dnf -q -y upgrade libnvidia-container1",
      );
      expect(await drift()).toEqual([
        "package libnvidia-container1: 1.20.0-1",
        ...TOOLKIT_PACKAGES.map((name) => `package ${name}: not held`),
      ]);
      await apply();
      expect(await drift()).toEqual([]);
    });

    test("it goes without a trace; the configuration and the predecessor's repository are what they were", async () => {
      await removeAll(host);
      expect(await left()).toEqual([]);
      expect(await host.shell("cat /etc/docker/daemon.json")).toBe(OWN_DAEMON.trimEnd());
    });

    test("an index that somebody else has signed is not taken", async () => {
      await host.shell(`set -e; export GNUPGHOME=/run/made/other; mkdir -m 0700 $GNUPGHOME
        gpg --batch --quiet --passphrase '' --quick-gen-key other@test default default never 2>/dev/null
        cd /srv/mirror/stable/rpm/x86_64/repodata && rm repomd.xml.asc && gpg --batch --quiet --armor --detach-sign repomd.xml
        dnf -q clean all`);
      await anchor(host);
      await expect(apply()).rejects.toThrow(
        /container-toolkit: packages [^]*repomd\.xml[^]*\n {2}way out: check the host's repositories/,
      );
      expect(await host.shell("rpm -qa '*nvidia-container*'")).toBe("");
    });
  },
);
