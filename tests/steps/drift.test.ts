import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Difference } from "../../plan/drift";
import { PHASES, type Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { checkHost, deliver, deploy, plannedSteps, prepareMaterial, runPhase } from "../harness/deployment";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";

/** What is wrong, and what was found instead; content is told by `#`. */
const told = ({ what, found }: Difference) => `${what}: ${found.replace(/\b[0-9a-f]{12,64}\b/, "#")}`;

const REMOVE_PACKAGE = "DEBIAN_FRONTEND=noninteractive apt-get -qq remove";

describe.skipIf(DOCKER_MISSING)("a difference made by hand (needs Docker)", () => {
  let host: BareHost;
  let steps: readonly Step[];
  let deployed: Snapshot;

  beforeAll(async () => {
    const material = await prepareMaterial();
    host = await BareHost.start(material.image);
    steps = plannedSteps(material);
    await deploy(host, steps);
    deployed = await takeSnapshot(host);
  });
  // One row's failure is not the next one's.
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") await deploy(host, steps);
  });
  afterAll(() => host.remove());

  test("there is none on a host that nobody touched", async () => {
    expect(await checkHost(host)).toEqual([]);
  });

  test.each<[difference: string, command: string, expected: string[]]>([
    [
      "a file's content",
      "echo '# mine' >>/etc/logrotate.d/tms-llm",
      ["file /etc/logrotate.d/tms-llm: root:root 0644 #"],
    ],
    [
      "a file's mode",
      "chmod 0666 /etc/systemd/system/tms-ollama.service",
      ["file /etc/systemd/system/tms-ollama.service: root:root 0666 #"],
    ],
    ["a file's owner", "chown tms /etc/tms-llm/ollama.env", ["file /etc/tms-llm/ollama.env: tms:root 0640 #"]],
    ["a file's group", "chgrp tms /etc/tms-llm/ollama.env", ["file /etc/tms-llm/ollama.env: root:tms 0640 #"]],
    ["a missing file", "rm /opt/llm/health-check.sh", ["file /opt/llm/health-check.sh: absent"]],
    [
      "a link in a file's place",
      "mv /opt/llm/health-check.sh /run; ln -s /run/health-check.sh /opt/llm/health-check.sh",
      ["file /opt/llm/health-check.sh: root:root 0777 #"],
    ],
    ["a folder's mode", "chmod 0777 /opt/llm", ["folder /opt/llm: 0777 root:root"]],
    ["a folder's owner", "chown tms /opt/llm/modelfiles", ["folder /opt/llm/modelfiles: 0755 tms:root"]],
    [
      "somebody else's file among the service's data",
      "chown root /opt/llm/cache/.ollama/id_ed25519.pub",
      ["content of /opt/llm/cache: somebody else's"],
    ],
    ["a timer that was stopped", "systemctl stop tms-llm-health.timer", ["unit tms-llm-health.timer: inactive"]],
    [
      "an engine that was stopped, and what goes with it",
      "systemctl stop tms-ollama",
      ["unit tms-ollama.service: inactive", "running Ollama: no answer", "model tiny: absent"],
    ],
    [
      "a gateway that was stopped, and what goes with it",
      "systemctl stop nginx",
      ["unit nginx.service: inactive", "endpoint on port 443: no answer"],
    ],
    ["a unit that was disabled", "systemctl disable --quiet tms-ollama", ["unit tms-ollama.service: disabled"]],
    [
      "a firewall rule that was deleted",
      "ufw delete allow proto tcp from 192.0.2.9 to 0.0.0.0/0 port 443",
      ["firewall: no such rule"],
    ],
    [
      "a firewall rule for IPv6 that was deleted",
      "ufw delete allow proto tcp from fd00:5::/64 to ::/0 port 443",
      ["firewall: no such rule"],
    ],
    ["a firewall that was disabled", "ufw disable", ["firewall: disabled"]],
    ["a firewall that lets everybody in", "ufw default allow incoming", ["firewall default: ACCEPT"]],
    ["rules that were flushed behind ufw's back", "iptables -F ufw-user-input", ["firewall: not loaded"]],
    ["IPv6 rules that were flushed", "ip6tables -F ufw6-user-input", ["firewall: not loaded"]],
    ["a login shell of the service's user", "usermod --shell /bin/bash tms", ["user tms: /opt/llm:/bin/bash"]],
    ["a group that the user was taken out of", "gpasswd --delete tms video", ["user tms: not in it"]],
    [
      "a package that was removed",
      `${REMOVE_PACKAGE} logrotate`,
      ["packages: not installed", "unit logrotate.timer: absent", "unit logrotate.timer: inactive"],
    ],
    ["a model that was removed", "HOME=/root /opt/llm/ollama/*/bin/ollama rm tiny", ["model tiny: absent"]],
    ["an engine's files that were removed", "rm -r /opt/llm/ollama/*", ["Ollama 0.17.4: absent"]],
    ["a certificate that was removed", "rm /etc/tms-llm/tls/server.pem", ["certificate /etc/tms-llm/tls/server.pem: absent"]],
    ["a key that others can read", "chmod 0644 /etc/tms-llm/tls/ca.key", ["file /etc/tms-llm/tls/ca.key: root:root 0644"]],
    [
      "a welcome page that came back",
      "ln -s /etc/nginx/sites-available/default /etc/nginx/sites-enabled/default",
      ["/etc/nginx/sites-enabled/default: present"],
    ],
  ])("%s: is found, it alone, and repaired by the next run of its phase", async (_, command, expected) => {
    await host.shell(command);
    const found = await checkHost(host);
    expect(found.map(told)).toEqual(expected);

    const drifted = PHASES.filter((phase) => found.some((difference) => difference.phase === phase));
    for (const phase of drifted) {
      const ofPhase = steps.filter((step) => step.phase === phase);
      await deliver(host, ofPhase);
      await runPhase(host, phase, ofPhase);
    }
    expect(await checkHost(host)).toEqual([]);
    expect(differences(deployed, await takeSnapshot(host), "equivalent")).toEqual([]);
  });
});
