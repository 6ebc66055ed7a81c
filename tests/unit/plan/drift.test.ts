import { describe, expect, test } from "vitest";
import { judgeDrift } from "../../../plan/drift";
import type { Plan } from "../../../plan/plan";

const digest = (digit: string) => digit.repeat(64);
const plan = {
  payloads: [
    { phase: "base", digest: digest("1"), files: {} },
    { phase: "access", digest: digest("2"), files: {} },
  ],
} as unknown as Plan;
const header = '{"owner":"o","digest":"d"}\n';
const finished = `${header}{"phase":"access","digest":"${digest("2")}"}\n{"phase":"base","digest":"${digest("1")}"}\n`;

describe("what the host says becomes one of three answers", () => {
  test("nothing of ours there: not deployed, which is no drift", () => {
    expect(judgeDrift("{}\n", plan)).toMatchObject({ state: "not deployed", repair: [] });
  });

  test("all phases finished and nothing differs: as deployed", () => {
    expect(judgeDrift(finished, plan)).toMatchObject({ state: "as deployed", differences: [], repair: [] });
  });

  test("a difference names its phase for repair", () => {
    const line = '{"phase":"access","step":"firewall","what":"firewall","expected":"enabled","found":"disabled"}\n';
    expect(judgeDrift(finished + line, plan)).toMatchObject({ state: "drifted", repair: ["access"] });
  });

  test.each([
    ["interrupted", "null", "interrupted"],
    ["finished with another plan", `"${digest("9")}"`, "another plan (999999999999)"],
  ])("a phase that was %s must run again", (_, found, words) => {
    const lines = `${header}{"phase":"access","digest":"${digest("2")}"}\n{"phase":"base","digest":${found}}\n`;
    const report = judgeDrift(lines, plan);
    expect(report.repair).toEqual(["base"]);
    expect(report.differences[0]).toMatchObject({ what: "phase base", found: words });
  });

  test("a phase that never ran is named, in the order of the plan", () => {
    expect(judgeDrift(header, plan).repair).toEqual(["base", "access"]);
  });
});
