import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa, execaSync } from "execa";
import { afterAll, describe, expect, test } from "vitest";

const SCRIPT = join(__dirname, "../../../templates/lib/netplan-yield.py");
const YAML_MISSING = execaSync("python3", ["-c", "import yaml"], { reject: false }).failed;

const folder = mkdtempSync(join(tmpdir(), "tms-llm-netplan-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The file without what stands beside a fixed address of ens3; undefined where nothing does. */
async function yielded(text: string, families = "46", nameservers = "yes"): Promise<string | undefined> {
  const file = join(folder, "50-installer.yaml");
  writeFileSync(file, text);
  const { exitCode, stdout, stderr } = await execa("python3", [SCRIPT, "ens3", families, nameservers, file], {
    reject: false,
  });
  if (exitCode === 3) return undefined;
  if (exitCode !== 0) throw new Error(stderr);
  return stdout.split("\n").slice(1).join("\n");
}

const ethernet = (settings: string) => `network: { version: 2, ethernets: { ens3: { ${settings} } } }`;

describe.skipIf(YAML_MISSING)("what another file of netplan says beside a fixed address (needs Python's yaml)", () => {
  test("goes: addresses, default routes, name servers; the rest stays to the letter", async () => {
    expect(
      await yielded(`network:
  version: 2
  renderer: networkd
  ethernets:
    ens3:
      match: { macaddress: 52:54:00:12:34:56 }
      dhcp4: no
      addresses: [192.168.0.50/24, "fd00::50/64": { label: a }]
      routes: [{ to: default, via: 192.168.0.1 }, { to: 10.0.0.0/8, via: 192.168.0.9 }]
      nameservers: { addresses: [192.168.0.1] }
    ens4: { addresses: [10.9.9.9/24] }
`),
    ).toBe(`network:
  version: '2'
  renderer: networkd
  ethernets:
    ens3:
      match:
        macaddress: '52:54:00:12:34:56'
      dhcp4: 'no'
      routes:
      - to: 10.0.0.0/8
        via: 192.168.0.9
    ens4:
      addresses:
      - 10.9.9.9/24`);
  });

  test.each([
    ["a family that is not fixed", ethernet("addresses: [fd00::50/64], gateway6: 'fd00::1'"), "4"],
    ["DHCP, on which ours has the last word", ethernet("dhcp4: true"), "46"],
    ["another interface", "network: { ethernets: { ens4: { addresses: [10.9.9.9/24] } } }", "46"],
    ["nothing at all", "", "46"],
  ])("stays where it is about %s", async (_, text, families) => {
    expect(await yielded(text, families)).toBeUndefined();
  });

  test.each([
    ["the old words for a gateway", "gateway4: 192.168.0.1", undefined],
    ["a default route by its number", "routes: [{ to: 0.0.0.0/0, via: 192.168.0.1 }]", undefined],
    ["a default route without a router", "routes: [{ to: '::/0', scope: link }]", undefined],
  ])("goes in %s", async (_, settings) => {
    expect(await yielded(ethernet(settings))).toBe("network:\n  version: '2'\n  ethernets:\n    ens3: {}");
  });

  test("keeps name servers where none are fixed", async () => {
    expect(await yielded(ethernet("nameservers: { addresses: [10.0.0.1] }"), "4", "")).toBeUndefined();
  });
});
