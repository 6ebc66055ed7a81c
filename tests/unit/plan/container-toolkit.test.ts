import { expect, test } from "vitest";
import { stackSchema } from "../../../plan/config/schema";
import { containerToolkitSteps } from "../../../plan/container-toolkit";
import { hostFacts } from "../../../plan/host-facts";
import { judgePreflight } from "../../../plan/preflight";
import { PlanRefused } from "../../../plan/preflight/refusal";
import { hostFacts as fixture } from "../../fixtures/hosts/load";

const stack = (given: object) =>
  stackSchema.parse({ target: { kind: "sandbox" }, models: [{ name: "m", source: "builtin:tiny" }], ...given });
const wanted = stack({ gpu: { containerToolkit: "install" } });

test.each(["ubuntu-24.04", "oracle-8"])("where the toolkit comes from on %s", (host) => {
  const [step] = containerToolkitSteps(wanted, "test", hostFacts(fixture(host)));
  expect({ inputs: step!.inputs, files: step!.files.map(({ path, text }) => `${path}: ${text}`) }).toMatchSnapshot();
});

test("nothing is planned unless it is asked for, and nothing without facts", () => {
  expect(containerToolkitSteps(stack({}), "test", undefined)).toEqual([]);
  expect(() => containerToolkitSteps(wanted, "test", undefined)).toThrow(PlanRefused);
});

test.each([
  ["ubuntu-24.04", ["docker"]],
  ["snap-docker", ["docker"]],
])("%s has no Docker that it could be for", (host, ids) => {
  const { refusals } = judgePreflight(fixture(host), { memoryBytes: 0, diskBytes: {}, ports: [], docker: true });
  expect(refusals.map(({ id }) => id)).toEqual(ids);
});
