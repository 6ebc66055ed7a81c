import { existsSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Clone } from "../../harness/clone";

describe("Pulumi.prod.yaml as it is in a clone", () => {
  let clone: Clone;
  beforeAll(async () => {
    clone = await Clone.make();
  });
  afterAll(() => clone.remove());

  test.for([
    ["up", "prod", "--yes"],
    ["facts", "prod"],
    ["drift", "prod"],
    ["smoke", "prod"],
    ["keys", "revoke", "tms", "--stack", "prod", "--yes"],
    ["rollback", "prod", "--yes"],
    ["backup", "prod"],
    ["destroy", "prod", "--yes"],
    ["bench", "prod"],
  ])("keeps %s from the host, and names every value that is the example's", async (args) => {
    const files = readdirSync(clone.folder);
    const { exitCode, output } = await clone.run(args);
    expect([exitCode, output]).toEqual([4, expect.stringContaining("still has 5 values of the example")]);
    for (const key of ["target.host", "target.hostKey", "models[0].source", "models[0].sha256", "access.allow[0]"])
      expect(output).toMatch(new RegExp(`^ {2}${key.replaceAll(/[.[\]]/g, "\\$&")} (is|names) the example's`, "m"));
    expect(output).not.toContain("way out");
    expect(readdirSync(clone.folder)).toEqual(files);
    expect(existsSync(clone.path(".tms-llm"))).toBe(false);
  });

  test("does not keep models from saying what fits, which asks no host", async () => {
    expect(await clone.run(["models", "prod"])).toMatchObject({ exitCode: 0 });
  });
});
