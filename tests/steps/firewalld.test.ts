import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Difference } from "../../plan/drift";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import {
  anchor,
  checkHost,
  plannedSteps,
  prepareMaterial,
  removeAll,
  runPhase,
  stackConfig,
} from "../harness/deployment";
import { chosenSeed, killPhase, killRemoval, seededRandom } from "../harness/kill";
import { differences, elsewhere, takeSnapshot, type Snapshot } from "../harness/snapshot";

const POLICY = "/etc/firewalld/policies/tms-llm.xml";
const CHAIN = "inet firewalld filter_IN_policy_tms-llm";

/** A second machine, as a network namespace on the far side of a cable, with an allowed and a refused address of each family. */
const OUTSIDE = `
  ip netns add outside
  # Docker switches IPv6 off in a container whose network has none.
  mount -o remount,rw,bind /proc/sys; sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0
  ip link add cable type veth peer name far netns outside
  ip addr add 10.1.2.1/24 dev cable; ip addr add 198.51.100.1/24 dev cable
  ip -6 addr add fd00:5::1/64 dev cable nodad; ip -6 addr add fd00:9::1/64 dev cable nodad
  ip link set cable up; ip -n outside link set far up
  for address in 10.1.2.7/24 198.51.100.7/24; do ip -n outside addr add $address dev far; done
  for address in fd00:5::7/64 fd00:9::7/64; do ip -n outside -6 addr add $address dev far nodad; done`;

/** Something that answers on every port that matters, on all addresses. */
const LISTENERS = [22, 80, 443, 11434]
  .map(
    (port) =>
      `ss -Hltn | grep -q ':${port} ' || systemd-run --quiet --unit=listen-${port} python3 -m http.server --bind :: ${port}
       until ss -Hltn | grep -q ':${port} '; do sleep 0.05; done`,
  )
  .join("\n");

const told = ({ what, found }: Difference) => `${what}: ${found}`;

describe.skipIf(DOCKER_MISSING)("firewalld on a Debian host (needs Docker)", () => {
  let host: BareHost;
  let firewall: readonly Step[];
  let bare: Snapshot;

  beforeAll(async () => {
    const material = await prepareMaterial();
    host = await BareHost.start(material.image);
    const access = { allow: ["10.1.2.0/24", "192.0.2.9", "fd00:5::/64"], firewall: "firewalld" };
    firewall = plannedSteps(material, stackConfig({ access })).filter(({ name }) => name === "firewall");
    await host.shell(`set -e; ${OUTSIDE}\n${LISTENERS}`);
    // A host of RHEL's family has it before us; a host that does not is a case of its own below.
    await host.shell(
      "export DEBIAN_FRONTEND=noninteractive; (apt-get -qq install --no-install-recommends firewalld || { apt-get -qq update; apt-get -qq install --no-install-recommends firewalld; }) >/run/packages.log 2>&1",
    );
    // systemd takes it for started before it has loaded its rules; stopped before, it would leave them in the kernel.
    await host.shell("until firewall-cmd -q --state; do sleep 0.2; done; systemctl disable --now --quiet firewalld");
    await anchor(host);
    bare = await takeSnapshot(host);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") await runPhase(host, "access", firewall);
  });
  afterAll(() => host.remove());

  const apply = () => runPhase(host, "access", firewall);
  const rules = () => host.shell("nft list ruleset | grep -v counter || true");

  /** Ports that the second machine reaches from this address of its own. */
  const reached = (from: string) =>
    host.shell(`printf '%s\\n' 22 80 443 11434 | xargs -P 4 -I PORT ip netns exec outside python3 -c "
import socket
try: socket.create_connection(('${from.replace(/7$/, "1")}', PORT), 1, ('${from}', 0)); print(PORT)
except OSError: pass" | sort -n | xargs`);

  test("changes the host once, finds nothing to do the second time, and goes without a trace", async () => {
    expect(await reached("198.51.100.7")).toBe("22 80 443 11434");
    expect((await apply())[0]!.changed).toBeGreaterThan(0);
    const applied = await takeSnapshot(host);
    expect((await apply())[0]!.changed).toBe(0);
    expect(differences(applied, await takeSnapshot(host), "reapplied")).toEqual([]);
    expect(await checkHost(host)).toEqual([]);
    await runPhase(host, "access", []);
    expect(elsewhere(differences(bare, await takeSnapshot(host), "equivalent"))).toEqual([]);
    expect(await rules()).not.toContain("firewalld");
  });

  test("leaves no rule in the kernel where firewalld died before the removal", async () => {
    await apply();
    await host.shell(
      "systemctl kill --signal=KILL firewalld; while systemctl is-active -q firewalld; do sleep 0.1; done",
    );
    expect(await rules()).toContain("firewalld");
    await runPhase(host, "access", []);
    expect(await rules()).not.toContain("firewalld");
    expect(elsewhere(differences(bare, await takeSnapshot(host), "equivalent"))).toEqual([]);
  });

  test("leaves a firewalld that was running before as it was", async () => {
    await runPhase(host, "access", []);
    await host.shell(
      "systemctl enable --now --quiet firewalld; firewall-cmd -q --permanent --add-port=8080/tcp; firewall-cmd -q --reload",
    );
    const [before, rulesBefore] = [await takeSnapshot(host), await rules()];
    await apply();
    expect(await host.shell("firewall-cmd --list-ports")).toBe("8080/tcp");
    await runPhase(host, "access", []);
    expect(elsewhere(differences(before, await takeSnapshot(host), "equivalent"))).toEqual([]);
    expect(await rules()).toBe(rulesBefore);
  });

  test.each([
    ["an address on the allowlist", ["10.1.2.7", "fd00:5::7"], "22 443"],
    ["any other address", ["198.51.100.7", "fd00:9::7"], "22"],
  ])("%s reaches exactly what it may, IPv4 and IPv6", async (_, addresses, ports) => {
    await apply();
    for (const address of addresses) expect(await reached(address), address).toBe(ports);
  });

  test("stands before a zone that lets everything in", async () => {
    await host.shell("firewall-cmd -q --zone=trusted --change-interface=cable");
    expect(await reached("198.51.100.7")).toBe("22 80");
    expect(await reached("10.1.2.7")).toBe("22 80 443");
    await host.shell("firewall-cmd -q --reload");
  });

  test.each<[kind: string, command: string, ...found: string[]]>([
    ["the policy's text", `sed -i s/443/444/ ${POLICY}`, `file ${POLICY}: root:root 0644 #`],
    ["the policy removed", `rm ${POLICY}; firewall-cmd -q --reload`, `file ${POLICY}: absent`, "firewall: not loaded"],
    ["a rule at run time", "firewall-cmd -q --policy=tms-llm --add-port=9000/tcp", "firewall: not loaded"],
    ["the kernel's rules flushed", `nft flush chain ${CHAIN}_post`, "firewall: not loaded"],
    [
      "the policy unhooked in the kernel",
      "nft flush chain inet firewalld filter_INPUT_POLICIES_pre",
      "firewall: not loaded",
    ],
    ["the whole table gone", "nft delete table inet firewalld", "firewall: not loaded"],
    ["firewalld switched off", "systemctl disable --now --quiet firewalld", "firewall: disabled", "firewall: stopped"],
    [
      "a default zone that accepts everything",
      "firewall-cmd -q --set-default-zone=trusted",
      "firewall default: zone trusted, which accepts everything",
    ],
  ])("drift: %s is found and repaired by the next run", async (_, command, ...found) => {
    await host.shell(command);
    expect((await checkHost(host)).map(told).map((line) => line.replace(/[0-9a-f]{12}$/, "#"))).toEqual(found);
    await apply();
    expect(await checkHost(host)).toEqual([]);
  });

  test("gives back a default zone that accepted everything", async () => {
    await runPhase(host, "access", []);
    await host.shell("firewall-cmd -q --set-default-zone=trusted");
    const before = await takeSnapshot(host);
    await apply();
    expect(await host.shell("firewall-cmd --get-default-zone")).toBe("public");
    await runPhase(host, "access", []);
    expect(elsewhere(differences(before, await takeSnapshot(host), "equivalent"))).toEqual([]);
    await host.shell("firewall-cmd -q --set-default-zone=public");
    await apply();
  });

  test.each([
    [
      "a zone that opens the engine's port",
      "firewall-cmd -q --zone=internal --add-port=11434/tcp",
      "filter_IN_internal_allow: tcp dport 11434 accept",
      "firewall-cmd -q --reload",
    ],
    [
      "a zone that opens it among others",
      "firewall-cmd -q --add-port=11000-12000/tcp",
      "filter_IN_public_allow: tcp dport 11000-12000 accept",
      "firewall-cmd -q --reload",
    ],
    [
      "a rule in front of the policies that opens the endpoint to all",
      "nft insert rule inet firewalld filter_INPUT tcp dport { 443, 8443 } accept",
      "filter_INPUT: tcp dport { 443, 8443 } accept",
      "firewall-cmd -q --reload",
    ],
  ])("%s by somebody else is found, with a way to undo it", async (_, command, found, undo) => {
    await host.shell(`firewall-cmd -q --zone=internal --add-interface=spare; ${command}`);
    const reported = await checkHost(host);
    expect(reported.map(({ found: text }) => text)).toEqual([found]);
    expect(reported[0]!.repair).toContain("firewall-cmd");
    await host.shell(undo);
    expect(await checkHost(host)).toEqual([]);
  });

  test("killed in the middle it can be taken back or finished", async () => {
    const random = seededRandom(chosenSeed());
    console.log(`TMS_LLM_SEED=${chosenSeed()}`);
    await apply();
    const finished = await takeSnapshot(host);
    await runPhase(host, "access", []);
    const before = await takeSnapshot(host);
    const moments: string[] = [];
    for (const end of ["taken back", "finished"]) {
      const moment = random() * 1500;
      moments.push(`${moment.toFixed(0)} ms, ${end}`);
      await killPhase(host, "access", firewall, moment);
      if (end === "finished") await apply();
      else await runPhase(host, "access", []);
      const expected = end === "finished" ? finished : before;
      expect(elsewhere(differences(expected, await takeSnapshot(host), "equivalent")), moments.join("; ")).toEqual([]);
    }
    await killRemoval(host, random() * 800);
    await removeAll(host);
    expect(elsewhere(differences(before, await takeSnapshot(host), "equivalent"))).toEqual([]);
  });

  test("is installed where it is not there, and goes again", async () => {
    await host.shell(
      "DEBIAN_FRONTEND=noninteractive apt-get -qq purge --auto-remove firewalld >/run/packages.log 2>&1; rm -rf /etc/firewalld",
    );
    await anchor(host);
    const before = await takeSnapshot(host);
    await apply();
    expect(await checkHost(host)).toEqual([]);
    expect(await reached("10.1.2.7")).toBe("22 443");
    await removeAll(host);
    expect(elsewhere(differences(before, await takeSnapshot(host), "equivalent"))).toEqual([]);
  });
});
