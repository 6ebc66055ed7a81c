import { mkdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Clone } from "../../harness/clone";

describe("npm run keys", () => {
  let clone: Clone;

  beforeAll(async () => {
    clone = await Clone.make();
    clone.configure({ clients: { tms: { a: 1 } } });
    mkdirSync(clone.path(".tms-llm/dev"), { recursive: true });
  });
  afterAll(() => clone.remove());

  test.each([[["revoke", "tms"]], [["rotate", "tms"]], [["rotate", "tms", "--no-deploy"]]])(
    "%j changes nothing while another verb is at work on the stack, whose keys it would race",
    async (args) => {
      const before = clone.read("Pulumi.dev.yaml");
      clone.write(`${process.pid} up`, ".tms-llm/dev/run.lock");
      const { exitCode, output } = await clone.run(["keys", ...args]);
      expect(output).toContain(`Another run is at work on dev: npm run up, process ${process.pid}`);
      expect(exitCode).toBe(1);
      expect(clone.read("Pulumi.dev.yaml")).toBe(before);
    },
  );
});
