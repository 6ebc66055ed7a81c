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
      "the kernel's rules changed behind ufw's back, as many as before",
      ["another port", "iptables -R ufw-user-input 2 -p tcp --dport 8443 -j ACCEPT", "firewall: not loaded"],
    ],
    ["the kernel's default", ["accepting", "iptables -P INPUT ACCEPT", "firewall: not loaded"]],
    ["ufw unhooked", ["by hand", "ip6tables -D INPUT -j ufw6-before-input", "firewall: not loaded"]],
    [
      "an engine that was started with another address, its files put back since",
      [
        "address",
        `sed -i.mine 's/127.0.0.1/0.0.0.0/' /etc/tms-llm/ollama.env; systemctl restart tms-ollama; mv /etc/tms-llm/ollama.env.mine /etc/tms-llm/ollama.env`,
        "Ollama's address: *:11434",
      ],
    ],
    [
      "nginx that was started with another file, put back since",
      [
        "file",
        "sed -i.mine 's/429/430/' /etc/nginx/conf.d/tms-llm.conf; systemctl reload nginx; sleep 3; cat /etc/nginx/conf.d/tms-llm.conf.mine >/etc/nginx/conf.d/tms-llm.conf; rm /etc/nginx/conf.d/tms-llm.conf.mine",
        "unit nginx.service: started before /etc/nginx/conf.d/tms-llm.conf was written",
      ],
    ],
    ["an account that may log in", ["password", "echo tms:open-sesame | chpasswd", "user tms: has one"]],
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

  // What a deployment does not undo, with the undoing that its message names.
  test.each<[kind: string, command: string, found: string, undo: string]>([
    [
      "a drop-in",
      "mkdir /etc/systemd/system/tms-ollama.service.d; printf '[Service]\\nNice=5\\n' >/etc/systemd/system/tms-ollama.service.d/mine.conf; systemctl daemon-reload",
      "unit tms-ollama.service: /etc/systemd/system/tms-ollama.service.d/mine.conf",
      "systemctl revert tms-ollama.service",
    ],
    [
      "a further group",
      "groupadd -f mine; gpasswd -a tms mine",
      "user tms: in mine",
      "gpasswd --delete tms mine; groupdel mine",
    ],
    [
      "a rule that opens the engine's port, IPv4",
      "ufw allow proto tcp from 198.51.100.7 to any port 11434",
      "firewall: allow tcp 11434 from 198.51.100.7",
      "ufw delete allow proto tcp from 198.51.100.7 to any port 11434",
    ],
    [
      "a rule that opens the engine's port among others, IPv6",
      "ufw allow proto tcp from fd00:9::/64 to any port 8080,11434",
      "firewall: allow tcp 8080,11434 from fd00:9::/64",
      "ufw delete allow proto tcp from fd00:9::/64 to any port 8080,11434",
    ],
    [
      "a rule that opens the endpoint to somebody else",
      "ufw allow proto tcp from 198.51.100.0/24 to any port 443",
      "firewall: allow tcp 443 from 198.51.100.0/24",
      "ufw delete allow proto tcp from 198.51.100.0/24 to any port 443",
    ],
    [
      "a rule in front of ufw",
      "iptables -I INPUT -p tcp --dport 11434 -j ACCEPT",
      "firewall: -A INPUT -p tcp -m tcp --dport 11434 -j ACCEPT",
      "iptables -D INPUT -p tcp -m tcp --dport 11434 -j ACCEPT",
    ],
  ])("%s by somebody else is found, with the way to undo it", async (_, command, found, undo) => {
    await host.shell(command);
    const reported = await checkHost(host);
    expect(reported.map(told)).toEqual([found]);
    expect(reported[0]!.repair).toBeTruthy();
    await host.shell(undo);
    expect(await checkHost(host)).toEqual([]);
    expect(differences(deployed, await takeSnapshot(host), "equivalent")).toEqual([]);
  });
});
