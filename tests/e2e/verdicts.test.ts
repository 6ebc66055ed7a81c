import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { smokeReportSchema, type Verdict } from "../../smoke/report-json";
import { DOCKER_MISSING, PATIENT } from "../harness/clone";
import { DeployedSandbox } from "../harness/sabotage";

describe.skipIf(DOCKER_MISSING)("each verdict of the verb `smoke`, of a real deployment (needs Docker)", () => {
  let sandbox: DeployedSandbox;

  beforeAll(async () => (sandbox = await DeployedSandbox.make(PATIENT)));
  afterAll(() => sandbox.clone.remove());

  const smoke = async (...options: string[]) => {
    const { clone } = sandbox;
    const { exitCode, output } = await clone.run(["smoke", "dev", "--json", clone.path("report.json"), ...options]);
    const { verdict, checks } = smokeReportSchema.parse(JSON.parse(clone.read("report.json")));
    const of = (wanted: Verdict) => checks.filter((check) => check.verdict === wanted);
    const others = checks.filter((check) => check.verdict !== "pass").map(({ id, observed }) => `${id}: ${observed}`);
    return { exitCode, output, verdict, of, others };
  };

  test("fails while something is spoiled, and passes when it is mended", async () => {
    await sandbox.host("printf %064d 0 >$digest");
    const spoiled = await smoke();
    expect(spoiled, spoiled.output).toMatchObject({ exitCode: 1, verdict: "fail" });
    expect(spoiled.others).toEqual(["digest: digest 000000000000"]);
    await sandbox.mend({ mend: [] });
    const mended = await smoke();
    expect(mended, mended.output).toMatchObject({ exitCode: 0, verdict: "pass", others: [] });
  });

  test("blocks, by name, what can say nothing without a check that failed", async () => {
    await sandbox.host("systemctl stop tms-ollama");
    const stopped = await smoke();
    await sandbox.mend({ mend: ["engine"] });
    expect(stopped, stopped.output).toMatchObject({ exitCode: 1, verdict: "fail" });
    const failed = stopped.of("fail").map(({ id }) => id);
    const blocked = stopped.of("blocked");
    expect(blocked.map(({ id }) => id)).toEqual(expect.arrayContaining(["keys", "answer", "streaming"]));
    for (const { observed, blockedBy } of blocked) {
      expect(failed).toContain(blockedBy);
      expect(observed).toBe(`blocked by ${blockedBy!}`);
    }
  });

  test("is inconclusive where the host can't be looked into; what is left out by name does not count", async () => {
    const byUrl = ["--url", sandbox.target.endpoint];
    byUrl.push("--key-file", ".tms-llm/dev/tms.key", "--ca", ".tms-llm/dev/ca.pem");
    const unseen = await smoke(...byUrl);
    expect(unseen, unseen.output).toMatchObject({ exitCode: 2, verdict: "inconclusive" });
    expect(unseen.others).toEqual([
      "body-limit: not measured: the limit is not known here",
      ...["firewall", "engine-loopback", "engine-version", "placement", "known-keys", "digest"].map(
        (id) => `${id}: not measured: no host access`,
      ),
    ]);
    const seen = await smoke(...byUrl, ...unseen.of("inconclusive").flatMap(({ id }) => ["--exclude", id]));
    expect(seen, seen.output).toMatchObject({ exitCode: 0, verdict: "pass" });
  });

  test("is an error where what looks into the host does not run; as the program that an update starts", async () => {
    const { exitCode, stderr } = await execa(process.execPath, ["--import", "tsx", "smoke/main.ts"], {
      ...{ cwd: sandbox.clone.folder, input: JSON.stringify(sandbox.target), reject: false },
      env: { DOCKER_HOST: "tcp://127.0.0.1:1" },
    });
    expect(exitCode, stderr).toBe(3);
    expect(stderr).toContain("Smoke test: error");
    expect(stderr).toMatch(/│ error +│ docker exec did not run: Cannot connect to the Docker daemon/);
    expect(stderr).toMatch(/Answers stream +│ pass/);
  });
});
