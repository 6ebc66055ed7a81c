import { describe, expect, test } from "vitest";
import { stackSchema } from "../../../plan/config/schema";
import { driverSteps } from "../../../plan/driver";
import { hostFacts } from "../../../plan/host-facts";
import { judgePreflight } from "../../../plan/preflight";
import { decideDriver, type DriverWish } from "../../../plan/preflight/driver";
import type { PreflightReport } from "../../../plan/preflight/report";
import { PlanRefused, refusalText } from "../../../plan/preflight/refusal";
import { HOSTS, hostFacts as fixture, hostReport } from "../../fixtures/hosts/load";

const wish: DriverWish = { branch: 580, modules: "open", reboot: false };
const gpu = { required: true, minimumDriver: 580 };

/** The decision in one line: what is done, or the names of what stands in the way. */
function decide(host: string, changes: Partial<PreflightReport> = {}, wanted: DriverWish = wish): string {
  const decision = decideDriver(fixture(host, changes), wanted, gpu);
  switch (decision.action) {
    case "keep":
      return `keep ${decision.driver}`;
    case "install":
      return `install${decision.rebootExpected ? ", then reboot" : ""}`;
    case "finish":
      return "finish";
    case "refuse":
      return `refuse: ${decision.refusals.map(({ id }) => id).join(", ")}`;
  }
}

const NO_DRIVER = { exitCode: 127, output: null };
/** A bare host with a GPU that nobody has given a driver. */
const bare = (device: string, host = "ubuntu-24.04"): Partial<PreflightReport> => ({
  gpu: {
    ...hostReport(host).gpu,
    nvidiaSmi: NO_DRIVER,
    pciDevices: [{ address: "0000:01:00.0", device }],
  },
});

test("what becomes of the driver, host by host", () => {
  const rows = HOSTS.map((host) => `${host.padEnd(28)} ${decide(host)}`);
  expect(`\n${rows.join("\n")}\n`).toMatchSnapshot();
});

describe("a GPU without a driver", () => {
  const OL8 = hostReport("oracle-8");
  test.each<
    [title: string, wanted: string, host: string, changes: Partial<PreflightReport>, modules?: "open" | "proprietary"]
  >([
    ["an L4 on Ubuntu", "install", "ubuntu-24.04", bare("0x27b8")],
    [
      "on Ubuntu under Secure Boot, for which there are signed modules",
      "install",
      "ubuntu-24.04",
      { ...bare("0x27b8"), secureBoot: { efi: true, variable: 1 } },
    ],
    ["on Oracle Linux", "install", "oracle-8", bare("0x27b8", "oracle-8")],
    [
      "on Oracle Linux under Secure Boot",
      "refuse: gpu-driver-secure-boot",
      "oracle-8",
      { ...bare("0x27b8", "oracle-8"), secureBoot: { efi: true, variable: 1 } },
    ],
    [
      "on firmware that does not tell",
      "refuse: gpu-driver-secure-boot",
      "oracle-8",
      { ...bare("0x27b8", "oracle-8"), secureBoot: { efi: true, variable: null } },
    ],
    [
      "held by nouveau",
      "install, then reboot",
      "ubuntu-24.04",
      { gpu: { ...bare("0x27b8").gpu!, nouveauLoaded: true } },
    ],
    ["a Pascal with open modules", "refuse: gpu-driver-modules", "ubuntu-24.04", bare("0x1c03")],
    ["a Pascal with proprietary ones", "install", "ubuntu-24.04", bare("0x1c03"), "proprietary"],
    ["a Blackwell with proprietary ones", "refuse: gpu-driver-modules", "ubuntu-24.04", bare("0x2901"), "proprietary"],
    ["in a container", "refuse: gpu-driver-container", "ubuntu-24.04", { ...bare("0x27b8"), virtualization: "docker" }],
    [
      "on another architecture",
      "refuse: gpu-driver-architecture",
      "ubuntu-24.04",
      { ...bare("0x27b8"), machine: "aarch64" },
    ],
    [
      "the remains of another driver",
      "refuse: gpu-driver-remains",
      "ubuntu-24.04",
      { gpu: { ...bare("0x27b8").gpu!, installedDriver: "535.183.01" } },
    ],
    [
      "ours, and killed on the way",
      "finish",
      "ubuntu-24.04",
      {
        ...bare("0x27b8"),
        ours: { digest: null, used: [], ledger: [{ kind: "package", id: "nvidia-utils-580-server" }] },
      },
    ],
    [
      "a host with no more of ours than the container toolkit, and a driver that is gone",
      "install",
      "ubuntu-24.04",
      {
        ...bare("0x27b8"),
        ours: { digest: null, used: [], ledger: [{ kind: "package", id: "nvidia-container-toolkit" }] },
      },
    ],
    [
      "everything at once",
      "refuse: gpu-driver-modules, gpu-driver-secure-boot, gpu-driver-remains",
      "oracle-8",
      {
        gpu: { ...bare("0x1c03").gpu!, installedDriver: "470.1" },
        secureBoot: { efi: true, variable: 1 },
        kernel: OL8.kernel,
      },
    ],
  ])("%s: %s", (_, wanted, host, changes, modules = "open") => {
    const decision = decide(host, changes, { ...wish, modules });
    expect(decision).toBe(wanted);
    const { refusals, warnings } = judgePreflight(fixture(host, changes), {
      memoryBytes: 0,
      diskBytes: {},
      ports: [],
      gpu,
      driver: { ...wish, modules },
    });
    expect(refusalText(refusals, warnings)).toMatchSnapshot();
  });
});

describe("the packages of a driver", () => {
  const step = (host: string, changes: Partial<PreflightReport> = {}, given: object = {}) => {
    const config = stackSchema.parse({
      target: {
        kind: "ssh",
        host: "gpu.internal",
        hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
      },
      models: [{ name: "m", source: "builtin:tiny" }],
      gpu: { driver: "install" },
      ...given,
    });
    return driverSteps(config, "test", hostFacts(fixture(host, changes)))[0]!;
  };

  const os = (id: string, version: string) => ({ os: { id, like: null, version, pretty: id } });

  test.each<[string, string, Partial<PreflightReport>, object?]>([
    ["Ubuntu 24.04", "ubuntu-24.04", {}],
    ["Ubuntu 24.04 under Secure Boot", "ubuntu-24.04", { secureBoot: { efi: true, variable: 1 } }],
    [
      "Ubuntu 22.04, for an old GPU",
      "ubuntu-24.04",
      os("ubuntu", "22.04"),
      { gpu: { driver: "install", modules: "proprietary" } },
    ],
    ["Debian 12", "debian-12-sandbox", {}],
    [
      "Debian 12, by a mirror with a key of its own",
      "debian-12-sandbox",
      {},
      { mirrors: { nvidiaDriver: { url: "https://mirror.internal/cuda", key: "A".repeat(40) } } },
    ],
    ["Oracle Linux 8", "oracle-8", {}],
    ["RHEL 9", "oracle-8", os("rhel", "9.6")],
    ["CentOS Stream 9", "oracle-8", os("centos", "9")],
  ])("%s", (_, host, changes, given) => {
    const { title, inputs, files } = step(host, changes, given);
    expect({ title, inputs, files: files.map(({ path, text }) => `${path}: ${text}`) }).toMatchSnapshot();
  });

  test("the stack that checks alone has no such step", () => {
    const config = stackSchema.parse({ target: { kind: "sandbox" }, models: [{ name: "m", source: "builtin:tiny" }] });
    expect(driverSteps(config, "test", undefined)).toEqual([]);
  });

  test.each([
    ["without facts", undefined],
    ["for a system that is not known", hostFacts(fixture("ubuntu-24.04", os("debian", "13")))],
  ])("there is no plan %s", (_, facts) => {
    const config = stackSchema.parse({
      target: { kind: "sandbox" },
      models: [{ name: "m", source: "builtin:tiny" }],
      gpu: { driver: "install" },
    });
    expect(() => driverSteps(config, "test", facts)).toThrow(PlanRefused);
  });
});

test("a driver that has come since is no other host, and says that there is more to use now", () => {
  const recorded = {
    stack: "test",
    facts: hostFacts(fixture("l4", { gpu: { ...hostReport("l4").gpu, nvidiaSmi: NO_DRIVER } })),
  };
  const { refusals, warnings } = judgePreflight(fixture("l4"), { memoryBytes: 0, diskBytes: {}, ports: [], recorded });
  expect(refusals).toEqual([]);
  expect(warnings.map(({ id, what }) => `${id}: ${what}`)).toEqual([
    "facts-outgrown: The host has more than the plan was made for: its GPUs answer",
  ]);
});
