import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Clone, DOCKER_MISSING, type Run } from "../harness/clone";

describe.skipIf(DOCKER_MISSING)("npm run up on a machine with Docker", () => {
  let clone: Clone;
  let first: Run;

  beforeAll(async () => {
    clone = await Clone.make();
  });

  afterAll(async () => {
    await clone.remove();
  });

  beforeEach(({ onTestFailed }) => {
    onTestFailed(async () => console.error(await clone.host().journal()));
  });

  it("makes a host from nothing and says how to use it", async () => {
    first = await clone.run(["up"]);
    expect(first.exitCode, first.output).toBe(0);
    console.log(first.output);
  });
});
