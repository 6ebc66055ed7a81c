import { describe, expect, test } from "vitest";
import { judgePreflight } from "../../../plan/preflight";
import { ENGINE_UNIT } from "../../../plan/step";
import { hostFacts, hostReport } from "../../fixtures/hosts/load";

const GIB = 2 ** 30;

describe.each(Object.values(ENGINE_UNIT))("memory that %s holds", (unit) => {
  const report = {
    memory: { ...hostReport("ubuntu-24.04").memory, availableBytes: 2 * GIB },
    services: [{ name: unit, active: "active", enabled: "enabled", path: `/etc/systemd/system/${unit}` }],
  };
  const ours = { digest: "0", used: [], ledger: [{ kind: "unit", id: unit }] };
  const warnings = (changes: object) =>
    judgePreflight(hostFacts("ubuntu-24.04", { ...report, ...changes }), {
      memoryBytes: 3 * GIB,
      diskBytes: {},
      ports: [],
    }).warnings.map(({ id }) => id);

  test("is there for its next run, where it is ours", () => {
    expect(warnings({ ours })).not.toContain("memory-in-use");
  });

  test("is somebody else's, where it is not", () => {
    expect(warnings({})).toContain("memory-in-use");
  });
});
