import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Difference } from "../../plan/drift";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { checkHost, deploy, plannedSteps, prepareMaterial, removeAll, stackConfig } from "../harness/deployment";
import { differences, elsewhere, takeSnapshot, type Snapshot } from "../harness/snapshot";

const PORT = 8444;

/** Where a kernel with SELinux would answer. The boolean's value is the kept one; files have the labels of their folders. */
const FAKES = {
  getenforce: "cat /run/enforcing",
  getsebool: `if grep -qx "$1=1" /var/lib/selinux/default/active/booleans.local; then echo "$1 --> on"; else echo "$1 --> off"; fi`,
  // A file is labelled until another one takes its place.
  restorecon: `for path; do
    case $path in -*) continue ;; esac
    find "$path" -type f | while read -r file; do
      mark=/run/labels/$(stat -c %i-%Z "$file")
      if [ ! -e "$mark" ]; then
        case " $* " in *" -n "*) echo "Would relabel $file" ;; *) mkdir -p /run/labels; touch "$mark" ;; esac
      fi
    done
  done`,
};

const PREPARE = `
  export DEBIAN_FRONTEND=noninteractive
  for attempt in 1 2; do
    apt-get -qq install --no-install-recommends policycoreutils policycoreutils-python-utils selinux-policy-default >/run/packages.log 2>&1 && break
    apt-get -qq update
  done
  # In memory, since semanage waits for the disk at every change.
  for folder in /var/lib/selinux /etc/selinux; do
    mkdir -p /run/memory$folder && cp -a $folder/. /run/memory$folder && mount --bind /run/memory$folder $folder
  done`;

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
      await host.shell(`set -e; ${PREPARE}`);
      for (const [name, script] of Object.entries(FAKES))
        await host.shell(`cat >/usr/local/sbin/${name}; chmod +x /usr/local/sbin/${name}`, `#!/bin/sh\n${script}\n`);
      await host.shell("echo Enforcing >/run/enforcing");
      const config = stackConfig({ gateway: { port: PORT }, access: { firewall: "off" } });
      steps = plannedSteps(material, config).filter(({ name }) => !name.startsWith("model"));
      bare = await takeSnapshot(host);
    });
    afterAll(() => host.remove());

    const kept = (file: string) =>
      host.shell(`grep -v -e '^#' -e '^$' /var/lib/selinux/default/active/${file} | tr -s ' ' || true`);
    const labels = () => kept("file_contexts.local");

    test("allows nginx its way to the engine, labels its port and what systemd starts; once", async () => {
      const first = await deploy(host, steps);
      expect(first.every(({ changed }) => changed > 0)).toBe(true);
      expect(await kept("booleans.local")).toBe("httpd_can_network_connect=1");
      expect(await kept("ports.local")).toBe(`portcon tcp ${PORT} system_u:object_r:http_port_t:s0`);
      expect(await labels()).toMatchInlineSnapshot(`
        "/opt/llm/logs(/.*)? system_u:object_r:var_log_t:s0
        /opt/llm/ollama/[^/]+/bin(/.*)? system_u:object_r:bin_t:s0
        /opt/llm/health-check\\.sh system_u:object_r:bin_t:s0"
      `);
      expect(await checkHost(host)).toEqual([]);
      expect((await deploy(host, steps)).map(({ changed }) => changed)).toEqual(first.map(() => 0));
    });

    test("finds what somebody took back, and repairs it", async () => {
      await host.shell(`
        semanage boolean --modify --off httpd_can_network_connect
        semanage port --delete --proto tcp ${PORT}
        semanage fcontext --delete '/opt/llm/health-check\\.sh'
        cp /opt/llm/health-check.sh /opt/llm/new; mv /opt/llm/new /opt/llm/health-check.sh`);
      expect((await checkHost(host)).map(told).sort()).toEqual([
        "SELinux boolean httpd_can_network_connect: httpd_can_network_connect --> off, kept: 0",
        "SELinux label of /opt/llm/health-check\\.sh: absent",
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
