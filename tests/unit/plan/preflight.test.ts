import { describe, expect, test } from "vitest";
import { parseFacts } from "../../../plan/facts";
import { judgePreflight, refusalText, type Requirements } from "../../../plan/preflight";
import type { PreflightReport } from "../../../plan/preflight/report";
import { HOSTS, hostFacts, hostReport } from "../../fixtures/hosts/load";

const GIB = 2 ** 30;

const requirements: Requirements = {
  memoryBytes: 3 * GIB,
  memoryReserveBytes: 0.5 * GIB,
  diskBytes: { "/opt": 10 * GIB, "/var/lib": GIB },
  ports: [
    { port: 443, unit: "nginx.service" },
    { port: 11434, unit: "tms-ollama.service" },
  ],
  architecture: "amd64",
  serverName: "llm.internal",
};

interface Case {
  readonly host?: string;
  readonly report?: Partial<PreflightReport>;
  readonly needs?: Partial<Requirements>;
}

function judge({ host = "ubuntu-24.04", report = {}, needs = {} }: Case) {
  return judgePreflight(hostFacts(host, report), { ...requirements, ...needs });
}

const ids = (found: readonly { readonly id: string }[]) => found.map(({ id }) => id);
const base = hostReport("ubuntu-24.04");
const service = (name: string, active: string, enabled: string) => ({
  name,
  active,
  enabled,
  path: `/etc/systemd/system/${name}`,
});
const listener = (port: number, process: string | null, unit: string | null) => ({
  address: "0.0.0.0",
  port,
  process,
  unit,
});
const site = (path: string, serverNames: string, ...listens: string[]) => ({
  path,
  target: path,
  serverNames,
  listens,
});

const REFUSALS: readonly (readonly [id: string, title: string, host: Case])[] = [
  ["no-root", "an SSH user without root", { report: { effectiveUid: 1000 } }],
  [
    "operating-system",
    "a release that is not set up yet",
    { report: { os: { id: "debian", like: null, version: "13", pretty: "Debian GNU/Linux 13 (trixie)" } } },
  ],
  [
    "operating-system",
    "a relative of Ubuntu",
    { report: { os: { id: "linuxmint", like: "ubuntu debian", version: "22.1", pretty: "Linux Mint 22.1" } } },
  ],
  ["systemd", "no systemd", { report: { systemd: { running: false, version: null, state: null } } }],
  [
    "systemd-state",
    "a host that shuts down",
    { report: { systemd: { running: true, version: "255", state: "stopping" } } },
  ],
  ["architecture", "another architecture than planned", { report: { machine: "aarch64" } }],
  ["glibc", "a C library that is too old", { report: { libc: "glibc 2.9" }, needs: { glibc: "2.28" } }],
  ["glibc", "another C library", { report: { libc: null }, needs: { glibc: "2.28" } }],
  [
    "memory",
    "less memory than the models need",
    {
      report: { memory: { ...base.memory, totalBytes: 5.25 * GIB, availableBytes: 5 * GIB } },
      needs: { memoryBytes: 5.5 * GIB },
    },
  ],
  [
    "memory",
    "a control group that holds less than the machine has",
    {
      report: {
        memory: {
          ...base.memory,
          controlGroups: [
            { limitBytes: 2 * GIB, usedBytes: GIB },
            { limitBytes: 4 * GIB, usedBytes: 0 },
          ],
        },
      },
    },
  ],
  ["disk", "a full disk", { report: { disks: [{ mount: "/", sizeBytes: 20 * GIB, freeBytes: 2 * GIB }] } }],
  [
    "disk",
    "paths on one mount add up",
    { report: { disks: [{ mount: "/", sizeBytes: 20 * GIB, freeBytes: 10.5 * GIB }] } },
  ],
  ["ports-unknown", "no ss", { report: { ports: null } }],
  [
    "port-taken",
    "the gateway's port held by another server",
    { report: { ports: [listener(443, "apache2", "apache2.service")] } },
  ],
  [
    "port-taken",
    "the gateway's port held by an nginx of somebody else",
    {
      report: {
        ports: [listener(443, "nginx", "nginx.service")],
        nginx: { path: "/usr/sbin/nginx", sites: [site("/etc/nginx/conf.d/shop.conf", "shop.example", "443 ssl")] },
      },
    },
  ],
  [
    "port-taken",
    "the engine's port held by nobody that the kernel names",
    { report: { ports: [listener(11434, null, null)] } },
  ],
  [
    "port-taken",
    "a unit with our name that the ledger does not list",
    { report: { ports: [listener(11434, "ollama", "tms-ollama.service")] } },
  ],
  [
    "foreign-service",
    "the vendor script's Ollama, running",
    { report: { services: [service("ollama.service", "active", "enabled")] } },
  ],
  [
    "foreign-service",
    "an LLM server that starts at the next boot",
    { report: { services: [service("kanana-llm.service", "inactive", "enabled")] } },
  ],
  [
    "foreign-service",
    "another llm-*.service",
    { report: { services: [service("llm-vllm.service", "activating", "disabled")] } },
  ],
  [
    "unit-name-taken",
    "a left-over of ours without its ledger",
    { report: { services: [service("tms-ollama.service", "inactive", "disabled")] } },
  ],
  [
    "account-is-root",
    "a user tms that is root",
    { report: { tmsUser: { name: "tms", uid: 0, gid: 0, home: "/root", shell: "/bin/bash" } } },
  ],
  [
    "nginx-site",
    "another site of the gateway's name on its port",
    {
      report: {
        nginx: {
          path: "/usr/sbin/nginx",
          sites: [site("/etc/nginx/conf.d/llm.conf", "llm.internal llm", "[::]:443 ssl")],
        },
      },
    },
  ],
  ["ipv6", "a kernel without IPv6", { report: { ipv6: false } }],
  ["ufw-ipv6", "ufw that leaves IPv6 alone", { report: { firewall: { ufw: "yes", ufwIpv6: "no", nftRules: null } } }],
  ["firewall-manager", "firewalld", { report: { services: [service("firewalld.service", "active", "enabled")] } }],
  [
    "firewall-manager",
    "nftables with rules of its own",
    { report: { services: [service("nftables.service", "inactive", "enabled")] } },
  ],
  [
    "firewall-manager",
    "ufw where firewalld is wanted",
    {
      report: {
        firewall: { ufw: "yes", ufwIpv6: "yes", nftRules: null },
        services: [service("ufw.service", "active", "enabled")],
      },
      needs: { firewall: "firewalld" },
    },
  ],
  ["docker", "no Docker where engines run in containers", { needs: { docker: true } }],
  ["docker", "Docker as a snap", { host: "snap-docker", needs: { docker: true } }],
  ["gpu-absent", "no GPU where one is needed", { needs: { gpu: { required: true } } }],
  ["gpu-driver-absent", "a GPU with nouveau, Secure Boot on", { host: "nouveau", needs: { gpu: { required: true } } }],
  [
    "gpu-driver-below-floor",
    "a driver below the engine's floor",
    { host: "gtx-1060", needs: { gpu: { required: true, minimumDriver: 570 } } },
  ],
  [
    "gpu-version-mismatch",
    "library and module differ",
    { host: "driver-mismatch", needs: { gpu: { required: true } } },
  ],
  [
    "gpu-driver-not-loaded",
    "an unsigned module under Secure Boot",
    { host: "driver-not-loaded", needs: { gpu: { required: true } } },
  ],
  ["gpu-driver-too-old", "driver 470", { host: "driver-470", needs: { gpu: { required: true } } }],
  ["gpu-no-devices", "a driver without a GPU", { host: "no-devices", needs: { gpu: { required: true } } }],
  ["gpu-no-permission", "devices closed by SELinux", { host: "no-permission", needs: { gpu: { required: true } } }],
  [
    "gpu-driver-not-loaded",
    "a kernel without its headers, so without its module",
    { host: "kernel-upgraded", needs: { gpu: { required: true } } },
  ],
  ["gpu-library-missing", "no management library", { host: "library-missing", needs: { gpu: { required: true } } }],
  ["gpu-gpu-lost", "a GPU off the bus", { host: "gpu-lost", needs: { gpu: { required: true } } }],
  ["gpu-no-answer", "a driver that hangs", { host: "driver-hangs", needs: { gpu: { required: true } } }],
  ["gpu-power-cable", "a power cable missing", { host: "power-cable", needs: { gpu: { required: true } } }],
  ["gpu-inforom-corrupt", "a corrupt infoROM", { host: "inforom", needs: { gpu: { required: true } } }],
  [
    "gpu-driver-absent",
    "Oracle's own kernel wants headers of its own",
    {
      host: "oracle-8-nouveau",
      needs: { gpu: { required: true } },
    },
  ],
  ["gpu-access-lost", "device rules lost", { host: "access-lost", needs: { gpu: { required: true } } }],
];

describe("a host that is not ready is refused, with the way out", () => {
  test.each(REFUSALS)("%s: %s", (id, _title, host) => {
    const { refusals } = judge(host);
    expect(ids(refusals)).toEqual([id]);
    expect(refusalText(refusals)).toMatchSnapshot();
  });

  test("all reasons at once", () => {
    expect(ids(judge({ host: "debian-12-occupied" }).refusals)).toEqual([
      "memory",
      "port-taken",
      "port-taken",
      "foreign-service",
      "nginx-site",
    ]);
  });

  test("the memory message says what is needed, what is there and what would fit", () => {
    const { refusals } = judge(REFUSALS.find(([id]) => id === "memory")![2]);
    expect(refusalText(refusals)).toMatchInlineSnapshot(`
      "The host is not ready: 1 thing stands in the way. Nothing was changed on it.

      The models need 5.5 GiB of memory, the host has 5.2 GiB (memory)
        found:   5.2 GiB; swap does not count
        needed:  5.5 GiB, of which 512 MiB for the system and the engine itself
        way out: choose a smaller quantization or context, fewer models, less engine.parallel, or a host with more memory; models of 4.7 GiB together fit"
    `);
  });
});

describe("what is ready or ours is not refused", () => {
  test.each<[string, Case]>([
    ["a bare Ubuntu host", {}],
    [
      "a RHEL host with the firewalld that it comes with",
      {
        report: {
          os: { id: "rhel", like: "fedora", version: "9.6", pretty: "Red Hat Enterprise Linux 9.6 (Plow)" },
          services: [service("firewalld.service", "active", "enabled")],
        },
      },
    ],
    ["a fresh sandbox", { host: "debian-12-sandbox" }],
    ["our own finished deployment", { host: "deployed" }],
    [
      "our own models count as room that is there",
      { host: "deployed", report: { disks: [{ mount: "/", sizeBytes: 20 * GIB, freeBytes: 6.125 * GIB }] } },
    ],
    ["exactly the memory that is needed", { report: { memory: { ...base.memory, totalBytes: 3 * GIB } } }],
    [
      "a control group without a limit",
      { report: { memory: { ...base.memory, controlGroups: [{ limitBytes: 2 ** 63, usedBytes: 0 }] } } },
    ],
    [
      "an nginx that was there before, with sites on other ports",
      {
        report: {
          ports: [listener(80, "nginx", "nginx.service")],
          nginx: {
            path: "/usr/sbin/nginx",
            sites: [site("/etc/nginx/sites-enabled/default", "_", "80 default_server")],
          },
        },
      },
    ],
    [
      "a site of the same name on another port",
      {
        report: {
          nginx: { path: "/usr/sbin/nginx", sites: [site("/etc/nginx/conf.d/llm.conf", "llm.internal", "8443 ssl")] },
        },
      },
    ],
    [
      "a vendor's Ollama that is switched off",
      { report: { services: [service("ollama.service", "inactive", "disabled")] } },
    ],
    [
      "firewalld where firewalld is wanted",
      { report: { services: [service("firewalld.service", "active", "enabled")] }, needs: { firewall: "firewalld" } },
    ],
    [
      "ufw's unit where ufw itself is switched off and firewalld is wanted",
      { report: { services: [service("ufw.service", "active", "enabled")] }, needs: { firewall: "firewalld" } },
    ],
    [
      "firewalld where the firewall is somebody else's work",
      { report: { services: [service("firewalld.service", "active", "enabled")] }, needs: { firewall: "off" } },
    ],
    ["a degraded systemd", { report: { systemd: { running: true, version: "255", state: "degraded" } } }],
    ["a working GPU where one is needed", { host: "l4", needs: { gpu: { required: true, minimumDriver: 550 } } }],
    ["a C library that is new enough", { needs: { glibc: "2.28" } }],
  ])("%s", (_title, host) => {
    expect(ids(judge(host).refusals)).toEqual([]);
  });
});

test("an nginx of ours that also serves a foreign site on the gateway's port is refused", () => {
  const { nginx } = hostReport("deployed");
  const shared = {
    path: nginx.path,
    sites: [...nginx.sites, site("/etc/nginx/conf.d/shop.conf", "shop.example", "443 ssl")],
  };
  expect(ids(judge({ host: "deployed", report: { nginx: shared } }).refusals)).toContain("port-taken");
});

describe("what does not stand in the way is said as a warning", () => {
  test.each<[string, string, Case]>([
    [
      "memory-in-use",
      "free memory is short on a host without our engine",
      { report: { memory: { ...base.memory, availableBytes: 2 * GIB } } },
    ],
    [
      "account-exists",
      "a user tms with a login",
      { report: { tmsUser: { name: "tms", uid: 1000, gid: 1000, home: "/home/tms", shell: "/bin/bash" } } },
    ],
    [
      "application-site",
      "the application's own nginx site",
      {
        report: {
          nginx: {
            path: "/usr/sbin/nginx",
            sites: [site("/etc/nginx/sites-enabled/sqltms.info.conf", "sqltms.info", "80")],
          },
        },
      },
    ],
    [
      "docker-passes-firewall",
      "Docker beside the firewall",
      { report: { docker: { path: "/usr/bin/docker", version: "Docker version 28.2.2, build e6534b4" } } },
    ],
    ["clock", "a clock of 1970", { report: { time: 3600 } }],
    ["gpu-driver-not-loaded", "a GPU in trouble where none is needed", { host: "driver-not-loaded" }],
    ["gpu-driver-absent", "a GPU without driver where none is needed", { host: "nouveau" }],
  ])("%s: %s", (id, _title, host) => {
    const { refusals, warnings } = judge(host);
    expect(ids(refusals)).toEqual([]);
    expect(ids(warnings)).toEqual([id]);
    expect(refusalText([], warnings)).toMatchSnapshot();
  });

  test("nothing is said where there is nothing to say", () => {
    expect(judge({})).toEqual({ refusals: [], warnings: [] });
    expect(refusalText([])).toBe("");
  });

  test("our running engine's memory is not held against us", () => {
    expect(judge({ host: "deployed", report: { memory: { ...base.memory, availableBytes: 0 } } }).warnings).toEqual([]);
  });
});

test("what nvidia-smi says cannot steer the terminal", () => {
  const gpu = { ...base.gpu, nvidiaSmi: { exitCode: 9, output: "\u001b[2Jboo" } };
  expect(refusalText(judge({ report: { gpu }, needs: { gpu: { required: true } } }).refusals)).toContain(
    "nvidia-smi:  [2Jboo",
  );
});

describe("facts from the host fixtures", () => {
  test.each(HOSTS)("%s", (host) => {
    expect(hostFacts(host)).toMatchSnapshot();
  });
});

describe("an answer that is no report", () => {
  const report = JSON.stringify(hostReport("ubuntu-24.04"));

  test("a report that an earlier release recorded, without what has been added since, is read", () => {
    const { memoryReserved, instances, dxg, ...gpu } = hostReport("l4").gpu;
    const recorded = JSON.stringify({ ...hostReport("l4"), gpu });
    expect([memoryReserved, instances, dxg]).toEqual([null, null, false]);
    expect(recorded).not.toContain("memoryReserved");
    expect(parseFacts(recorded)).toEqual(hostFacts("l4"));
  });

  test("lines of a login script before the report are skipped", () => {
    expect(parseFacts(`Welcome!\n${report}\n`)).toEqual(hostFacts("ubuntu-24.04"));
  });

  test.each([
    ["nothing", ""],
    ["something else", "bash: command not found\n"],
    ["a report cut short", report.slice(0, 400)],
    ["a report of another version", report.replace("preflight/1", "preflight/9")],
    ["a report with a wrong value", report.replace('"x86_64"', "64")],
  ])("%s", (_title, printed) => {
    expect(() => parseFacts(printed)).toThrowErrorMatchingSnapshot();
  });
});
