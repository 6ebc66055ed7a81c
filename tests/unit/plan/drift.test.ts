import { describe, expect, test } from "vitest";
import { renderDrift, renderHint } from "../../../cli/drift";
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

describe("what the host says becomes one of four answers", () => {
  test("nothing of ours there: not deployed, which is no drift", () => {
    expect(judgeDrift("{}\n", plan)).toMatchObject({ state: "not deployed", repair: [] });
  });

  test("all phases finished and nothing differs: as deployed", () => {
    expect(judgeDrift(finished, plan)).toMatchObject({ state: "as deployed", differences: [], repair: [] });
  });

  test("a hint is no drift, and makes no phase run again", () => {
    const line =
      '{"phase":"base","step":"nvidia-driver","hint":"a security update of the held driver","found":"2 is offered, 1 is installed","wayOut":"upgrade; reboot; then run up"}\n';
    const report = judgeDrift(finished + line, plan);
    expect(report).toMatchObject({ state: "as deployed", differences: [], repair: [] });
    expect(report.hints.map(renderHint)).toEqual([
      "Worth knowing: a security update of the held driver: 2 is offered, 1 is installed.\n  upgrade; reboot; then run up",
    ]);
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

  test("finished, with a plan that is no longer this checkout's: another answer than drift", () => {
    const lines = `${header}{"phase":"access","digest":"${digest("2")}"}\n{"phase":"base","digest":"${digest("9")}"}\n`;
    const report = judgeDrift(lines, plan);
    expect(report).toMatchObject({ state: "other plan", repair: ["base"] });
    expect(renderDrift(report, "prod")).toMatchInlineSnapshot(`
      "prod: the host is as it was deployed, but the stack file or this checkout has changed since (base).
      npm run preview -- prod shows the changes, npm run up -- prod makes them."
    `);
  });

  test("what somebody else added is told with the way to undo it, and makes no phase run again", () => {
    const line = `{"phase":"access","step":"firewall","what":"firewall","expected":"port 11434 closed","found":"allow tcp 11434 from 0.0.0.0/0","repair":"ufw status numbered; ufw delete NUMBER"}\n`;
    const report = judgeDrift(finished + line, plan);
    expect(report).toMatchObject({ state: "drifted", repair: [] });
    expect(renderDrift(report, "prod")).toMatchInlineSnapshot(`
      "prod: drifted in 1 place.
      ┌──────────────────┬──────────────────────────────────┬──────────────────────────────────┬──────────────────────────────────┐
      │ step             │ what                             │ expected                         │ found                            │
      ├──────────────────┼──────────────────────────────────┼──────────────────────────────────┼──────────────────────────────────┤
      │ firewall         │ firewall                         │ port 11434 closed                │ allow tcp 11434 from 0.0.0.0/0   │
      └──────────────────┴──────────────────────────────────┴──────────────────────────────────┴──────────────────────────────────┘
      Somebody else's work, which up leaves alone. On the host, as root:
        firewall, allow tcp 11434 from 0.0.0.0/0: ufw status numbered; ufw delete NUMBER"
    `);
  });

  test("archives that the host has unpacked are told, and are no difference", () => {
    const report = judgeDrift(`${finished}{"held":"${digest("a")}"}\n`, plan);
    expect(report).toMatchObject({ state: "as deployed", held: [digest("a")] });
  });

  test("a phase that never ran is named, in the order of the plan", () => {
    expect(judgeDrift(header, plan).repair).toEqual(["base", "access"]);
  });
});
