import { describe, expect, test } from "vitest";
import { judgePreflight, type Requirements } from "../../../plan/preflight";
import { factsDifferences, hostFacts, parseFactsFile, renderFactsFile, type HostFacts } from "../../../plan/host-facts";
import { HOSTS, hostFacts as measured, hostReport } from "../../fixtures/hosts/load";

const GIB = 2 ** 30;
const MIB = 2 ** 20;
const l4 = hostFacts(measured("l4"));

describe("the facts file", () => {
  test("is read by people, in one order, with sizes as they write them", () => {
    expect(renderFactsFile(l4, "prod")).toMatchInlineSnapshot(`
      "# The host of prod as it was measured. Plans are made for it; commit it like a lock file.
      # \`npm run facts -- prod\` measures again and writes it anew.
      schema: tms-llm/facts/v1
      system:
        id: ubuntu
        version: "24.04"
      architecture: amd64
      kernel: stock
      glibc: "2.39"
      processors: 16
      memory: 64 GiB
      disks:
        /: 100 GiB
        /opt: 900 GiB
      gpus:
        - name: NVIDIA L4
          memory: 23034 MiB
          heldByOthers: 0 B
          computeCapability: "8.9"
          mig: false
      gpusWithoutDriver: []
      driver: 580.126.09
      secureBoot: off
      selinux: disabled
      docker: absent
      pythons:
        - 3.12.3
      "
    `);
  });

  test("one that an earlier release wrote is read as it was, and written as it was", () => {
    const written = `# The host of prod as it was measured. Plans are made for it; commit it like a lock file.
# \`npm run facts -- prod\` measures again and writes it anew.
schema: tms-llm/facts/v1
system:
  id: ubuntu
  version: "22.04"
architecture: amd64
kernel: stock
glibc: "2.35"
processors: 64
memory: 503.5 GiB
disks:
  /: 900 GiB
gpus:
  - name: NVIDIA H200
    memory: 143771 MiB
    heldByOthers: 256 MiB
    computeCapability: "9.0"
    mig: true
  - name: NVIDIA GB10
    memory: null
    heldByOthers: 0 B
    computeCapability: "12.1"
    mig: false
gpusWithoutDriver: []
driver: 580.126.09
secureBoot: off
selinux: disabled
docker: absent
pythons:
  - 3.10.12
`;
    const facts = parseFactsFile(written, "prod");
    expect(facts.gpus).toEqual([
      { name: "NVIDIA H200", memory: 143771 * MIB, heldByOthers: 256 * MIB, computeCapability: "9.0", mig: true },
      { name: "NVIDIA GB10", memory: null, heldByOthers: 0, computeCapability: "12.1", mig: false },
    ]);
    expect(renderFactsFile(facts, "prod")).toBe(written);
  });

  test.each(HOSTS)("%s: what is written is what is read", (host) => {
    const facts = hostFacts(measured(host));
    expect(parseFactsFile(renderFactsFile(facts, "prod"), "prod")).toEqual(facts);
  });

  test("a kernel's update, a little less memory, free space and running services change nothing in it", () => {
    const report = hostReport("l4");
    const memory = { ...report.memory, totalBytes: Math.round(62.6 * GIB) };
    const later = measured("l4", {
      kernel: "6.8.0-99-generic",
      time: report.time + 86_400,
      memory: { ...memory, totalBytes: memory.totalBytes - 3 * MIB, availableBytes: GIB },
      disks: report.disks.map((disk) => ({ ...disk, freeBytes: 0 })),
      ports: [],
      services: [],
    });
    expect(renderFactsFile(hostFacts(later), "prod")).toBe(
      renderFactsFile(hostFacts(measured("l4", { memory })), "prod"),
    );
  });

  test.each([
    ["another version", "schema: tms-llm/facts/v9\n"],
    ["no YAML", "{ nothing"],
    ["a value that is none", renderFactsFile(l4, "prod").replace(/memory: .*\n/, "memory: plenty\n")],
  ])("%s is refused with the way out", (_title, text) => {
    expect(() => parseFactsFile(text, "prod")).toThrow("npm run facts -- prod");
  });

  test("two measurements are compared line by line", () => {
    const smaller = { ...l4, memory: 16 * GIB, gpus: [], driver: null };
    expect(factsDifferences(l4, smaller)).toMatchInlineSnapshot(`
      [
        "memory: 64 GiB → 16 GiB",
        "gpus[0].name: NVIDIA L4 → nothing",
        "gpus[0].memory: 23034 MiB → nothing",
        "gpus[0].heldByOthers: 0 B → nothing",
        "gpus[0].computeCapability: 8.9 → nothing",
        "gpus[0].mig: false → nothing",
        "driver: 580.126.09 → null",
      ]
    `);
  });
});

describe("GPUs without a driver are told by their PCI id", () => {
  test.each([
    ["nouveau", "NVIDIA GeForce RTX 4090 (24 GB, compute capability 8.9, device 0x2684)"],
    ["driver-not-loaded", "NVIDIA L4 (24 GB, compute capability 8.9, device 0x27b8)"],
  ])("%s", (host, words) => {
    expect(hostFacts(measured(host))).toMatchObject({ gpus: [], gpusWithoutDriver: [words] });
  });
});

describe("preflight holds the host against the facts of its plan", () => {
  const requirements = (recorded: HostFacts): Requirements => ({
    memoryBytes: GIB,
    diskBytes: {},
    ports: [],
    recorded: { stack: "prod", facts: recorded },
  });
  const judge = (recorded: HostFacts) => judgePreflight(measured("l4"), requirements(recorded));
  const more = l4.gpus[0]!;

  test("the same host passes", () => {
    expect(judge(l4)).toEqual({ refusals: [], warnings: [] });
  });

  test.each<[string, Partial<HostFacts>, string, string]>([
    ["less memory", { memory: 128 * GIB }, "64 GiB", "128 GiB"],
    ["another GPU", { gpus: [{ ...more, name: "NVIDIA L40S" }] }, "NVIDIA L4 (compute", "NVIDIA L40S (compute"],
    [
      "a GPU less",
      { gpus: [more, more] },
      "NVIDIA L4 (compute capability 8.9)",
      "NVIDIA L4 (compute capability 8.9), NVIDIA L4",
    ],
    ["MIG switched off since", { gpus: [{ ...more, mig: true }] }, "NVIDIA L4 (compute", "MIG on"],
    ["an older driver", { driver: "590.10.01" }, "580", "590"],
    ["another system", { system: { id: "debian", version: "12" } }, "ubuntu 24.04", "debian 12"],
    ["an older C library", { glibc: "2.41" }, "2.39", "2.41"],
  ])("%s is refused, with both values and the way out", (_title, changes, is, was) => {
    const { refusals } = judge({ ...l4, ...changes });
    expect(refusals).toHaveLength(1);
    expect(refusals[0]).toMatchObject({
      id: "facts-changed",
      wayOut: expect.stringContaining("npm run facts -- prod") as string,
    });
    expect(refusals[0]!.found).toContain(is);
    expect(refusals[0]!.needed).toContain(was);
  });

  test("a program that took some of the GPU since is refused", () => {
    const report = hostReport("l4");
    const process = {
      gpu: "GPU-2b79f1c0-0000-4000-8000-000000000000",
      name: "python3",
      usedMebibytes: 3000,
      unit: null,
    };
    const facts = measured("l4", { gpu: { ...report.gpu, processes: [process] } });
    const { refusals } = judgePreflight(facts, requirements(l4));
    expect(refusals).toMatchObject([{ id: "facts-changed", found: "3 GiB" }]);
  });

  test("much more memory is only worth knowing", () => {
    const { refusals, warnings } = judge({ ...l4, memory: 16 * GIB });
    expect([refusals, warnings.map(({ id }) => id)]).toEqual([[], ["facts-outgrown"]]);
  });

  test("a patch of the driver, or a newer branch, is none of its business", () => {
    expect(judge({ ...l4, driver: "580.65.06" }).refusals).toEqual([]);
    expect(judge({ ...l4, driver: "570.86.15" }).refusals).toEqual([]);
  });
});
