import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Difference } from "../../plan/drift";
import { PHASES, type Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { checkHost, deliver, deploy, plannedSteps, prepareMaterial, runPhase } from "../harness/deployment";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";

/** What is wrong, and what was found instead; content is told by `#`. */
const told = ({ what, found }: Difference) => `${what}: ${found.replace(/\b[0-9a-f]{12,64}\b/, "#")}`;

const OLLAMA_UNIT = "/etc/systemd/system/tms-ollama.service";
const HEALTH = "/opt/llm/health-check.sh";
const WELCOME = "/etc/nginx/sites-enabled/default";

describe.skipIf(DOCKER_MISSING)("drift made by hand (needs Docker)", () => {
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
  // One failure is not the next one's.
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") await deploy(host, steps);
  });
  afterAll(() => host.remove());

  test("there is none on a host that nobody touched", async () => {
    expect(await checkHost(host)).toEqual([]);
  });

  test.each<[kind: string, ...rows: [difference: string, command: string, ...found: string[]][]]>([
    [
      "files and folders",
      ["content", "echo '# mine' >>/etc/logrotate.d/tms-llm", "file /etc/logrotate.d/tms-llm: root:root 0644 #"],
      ["mode", `chmod 0666 ${OLLAMA_UNIT}`, `file ${OLLAMA_UNIT}: root:root 0666 #`],
      ["owner", "chown tms /etc/tms-llm/ollama.env", "file /etc/tms-llm/ollama.env: tms:root 0640 #"],
      ["group", "chgrp tms /etc/nginx/tms-llm/keys.conf", "file /etc/nginx/tms-llm/keys.conf: root:tms 0600 #"],
      ["missing", "rm /etc/nginx/conf.d/tms-llm.conf", "file /etc/nginx/conf.d/tms-llm.conf: absent"],
      ["a link", `mv ${HEALTH} /run; ln -s /run/health-check.sh ${HEALTH}`, `file ${HEALTH}: root:root 0777 #`],
      ["folder's mode", "chmod 0777 /opt/llm", "folder /opt/llm: 0777 root:root"],
      ["folder's owner", "chown tms /opt/llm/modelfiles", "folder /opt/llm/modelfiles: 0755 tms:root"],
      ["data", "chown root /opt/llm/cache/.ollama/*.pub", "content of /opt/llm/cache: somebody else's"],
      ["certificate", "rm /etc/tms-llm/tls/server.pem", "certificate /etc/tms-llm/tls/server.pem: absent"],
      ["CA's key", "chmod 0644 /etc/tms-llm/tls/ca.key", "file /etc/tms-llm/tls/ca.key: root:root 0644"],
      ["set aside", `ln -s ../sites-available/default ${WELCOME}`, `${WELCOME}: present`],
    ],
    [
      "units",
      ["stopped timer", "systemctl stop tms-llm-health.timer", "unit tms-llm-health.timer: inactive"],
      ["disabled", "systemctl disable --quiet tms-ollama", "unit tms-ollama.service: disabled"],
      ["stopped gateway", "systemctl stop nginx", "unit nginx.service: inactive", "endpoint on port 443: no answer"],
    ],
    [
      "an engine that was stopped",
      ["unit", "systemctl stop tms-ollama", "unit tms-ollama.service: inactive"],
      ["consequences", "true", "running Ollama: no answer", "model tiny: absent"],
    ],
    ["an engine's files", ["removed", "rm -r /opt/llm/ollama/*", "Ollama 0.17.4: absent"]],
    ["a model", ["removed", "HOME=/root /opt/llm/ollama/*/bin/ollama rm tiny", "model tiny: absent"]],
    [
      "firewall rules",
      ["IPv4", "ufw delete allow proto tcp from 192.0.2.9 to 0.0.0.0/0 port 443", "firewall: no such rule"],
      ["IPv6", "ufw delete allow proto tcp from fd00:5::/64 to ::/0 port 443", "firewall: no such rule"],
    ],
    ["rules flushed behind ufw's back, IPv4", ["flushed", "iptables -F ufw-user-input", "firewall: not loaded"]],
    ["rules flushed behind ufw's back, IPv6", ["flushed", "ip6tables -F ufw6-user-input", "firewall: not loaded"]],
    [
      "an open firewall",
      ["default", "ufw default allow incoming", "firewall default: ACCEPT"],
      ["off", "ufw disable", "firewall: disabled"],
    ],
    [
      "accounts and packages",
      ["shell", "usermod --shell /bin/bash tms", "user tms: /opt/llm:/bin/bash"],
      ["group", "gpasswd --delete tms video", "user tms: not in it"],
      ["package", "DEBIAN_FRONTEND=noninteractive apt-get -qq remove logrotate", "packages: not installed"],
      ["its timer", "true", "unit logrotate.timer: absent", "unit logrotate.timer: inactive"],
    ],
  ])("%s: every difference is found, no other, and repaired by the next run of its phase", async (_, ...rows) => {
    await host.shell(`set -e; ${rows.map(([, command]) => command).join("\n")}`);
    const found = await checkHost(host);
    expect(found.map(told).sort()).toEqual(rows.flatMap(([, , ...expected]) => expected).sort());

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
