import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Difference } from "../../plan/drift";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { checkHost, deploy, plannedSteps, prepareMaterial, removeAll, stackConfig } from "../harness/deployment";
import { enforceSelinux, keptBySelinux } from "../harness/selinux";
import { differences, elsewhere, takeSnapshot, type Snapshot } from "../harness/snapshot";

const PORT = 8444;

const told = ({ what, found }: Difference) => `${what}: ${found}`;

describe.skipIf(DOCKER_MISSING)(
  "real semanage on Debian's policy, with a fake for the kernel that enforces it (needs Docker)",
  () => {
    let host: BareHost;
    let steps: readonly Step[];
    let bare: Snapshot;

    beforeAll(async () => {
      const material = await prepareMaterial();
      host = await BareHost.start(material.image);
      await enforceSelinux(host);
      const config = stackConfig({ gateway: { port: PORT }, access: { firewall: "off" } });
      steps = plannedSteps(material, config).filter(({ name }) => !name.startsWith("model"));
      bare = await takeSnapshot(host);
    });
    afterAll(() => host.remove());

    const kept = (file: string) => keptBySelinux(host, file);
    const labels = () => kept("file_contexts.local");

    test("allows nginx its way to the engine, labels its port and what systemd starts; once", async () => {
      const first = await deploy(host, steps);
      expect(first.every(({ changed }) => changed > 0)).toBe(true);
      expect(await kept("booleans.local")).toBe("httpd_can_network_connect=1");
      expect(await kept("ports.local")).toBe(`portcon tcp ${PORT} system_u:object_r:http_port_t:s0`);
      expect(await labels()).toMatchInlineSnapshot(`
        "/opt/llm/logs(/.*)? system_u:object_r:var_log_t:s0
        /opt/llm/ollama/[^/]+/bin(/.*)? system_u:object_r:bin_t:s0
        /opt/llm/health-check[.]sh system_u:object_r:bin_t:s0"
      `);
      expect(await checkHost(host)).toEqual([]);
      expect((await deploy(host, steps)).map(({ changed }) => changed)).toEqual(first.map(() => 0));
    });

    test("nginx may see the mark that has it end its connections: by the policy it is a run file of nginx's domain", async () => {
      const type = (path: string) => host.shell(`matchpathcon -n ${path} | cut -d: -f3`);
      expect(await type("/usr/sbin/nginx")).toBe("httpd_exec_t");
      expect(await type("/run/httpd-tms-llm-draining")).toMatch(/^httpd_(runtime|var_run)_t$/);
      expect(await type("/run/tms-llm-draining")).not.toContain("httpd");
    });

    test("finds what somebody took back, and repairs it", async () => {
      await host.shell(`
        semanage boolean --modify --off httpd_can_network_connect
        semanage port --delete --proto tcp ${PORT}
        semanage fcontext --delete '/opt/llm/health-check[.]sh'
        cp /opt/llm/health-check.sh /opt/llm/new; mv /opt/llm/new /opt/llm/health-check.sh`);
      expect((await checkHost(host)).map(told).sort()).toEqual([
        "SELinux boolean httpd_can_network_connect: httpd_can_network_connect --> off, kept: 0",
        "SELinux label of /opt/llm/health-check[.]sh: absent",
        `SELinux label of port ${PORT}: absent`,
        "SELinux labels under /opt/llm/health-check.sh: Would relabel /opt/llm/health-check.sh",
      ]);
      await deploy(host, steps);
      expect(await checkHost(host)).toEqual([]);
    });

    test("keeps it all while the host is permissive for a while", async () => {
      await host.shell("echo Permissive >/run/enforcing");
      expect((await deploy(host, steps)).map(({ changed }) => changed).filter((changed) => changed > 0)).toEqual([]);
      expect(await kept("ports.local")).toContain(String(PORT));
      await host.shell("echo Enforcing >/run/enforcing");
    });

    test("gives back what was kept before, and takes away the rest", async () => {
      await host.shell("touch /var/lib/tms-llm/purge");
      await removeAll(host);
      expect([await kept("booleans.local"), await kept("ports.local"), await labels()]).toEqual(["", "", ""]);
      await host.shell(
        `semanage boolean --modify --off httpd_can_network_connect; semanage port --add --type ssh_port_t --proto tcp ${PORT}`,
      );
      await deploy(host, steps);
      await removeAll(host);
      expect(await kept("booleans.local")).toBe("httpd_can_network_connect=0");
      expect(await kept("ports.local")).toBe(`portcon tcp ${PORT} system_u:object_r:ssh_port_t:s0`);
    });

    test("does nothing where it is not enforced", async () => {
      await host.shell(
        `echo Disabled >/run/enforcing; semanage port --delete --proto tcp ${PORT}; semanage boolean --delete httpd_can_network_connect; rm -rf /opt/llm`,
      );
      await deploy(host, steps);
      expect([await kept("booleans.local"), await kept("ports.local"), await labels()]).toEqual(["", "", ""]);
      await host.shell("touch /var/lib/tms-llm/purge");
      await removeAll(host);
      expect(
        elsewhere(differences(bare, await takeSnapshot(host), "equivalent")).filter((line) => !/selinux/.test(line)),
      ).toEqual([]);
    });
  },
);
