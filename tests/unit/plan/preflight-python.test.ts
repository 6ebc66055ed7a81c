import { expect, test } from "vitest";
import { stackSchema } from "../../../plan/config/schema";
import { planRequirements } from "../../../plan/plan";
import { judgePreflight, refusalText } from "../../../plan/preflight";
import type { PreflightReport } from "../../../plan/preflight/report";
import { hostFacts } from "../../fixtures/hosts/load";

/** A host's own Python, against which the engine compiles. */
const judge = (host: string, report: Partial<PreflightReport>) =>
  judgePreflight(hostFacts(host, report), {
    ...{ memoryBytes: 0, diskBytes: {}, ports: [], pythonHeaders: "3.12" },
  }).refusals.filter(({ id }) => id === "python-headers");

test("a Python without its headers is refused, with the packages of the host's system", () => {
  const report = { pythons: ["Python 3.12.3"], pythonsWithHeaders: ["Python 3.10.12"] };
  expect(refusalText(judge("ubuntu-24.04", report))).toMatchInlineSnapshot(`
    "The host is not ready: 1 thing stands in the way. Nothing was changed on it.

    The host's own Python 3.12 lacks the headers that the engine compiles against (python-headers)
      found:   Python 3.12.3 without Python.h
      needed:  Python 3.12 with its headers, since engine.packages is a folder
      way out: on the host: apt-get install python3.12 python3.12-dev, where its repositories have that series; one that was built from source has its headers beside it; or set engine.packages to index, which brings a Python with headers"
  `);
});

test("so is a host without that Python at all", () => {
  const report = { pythons: ["Python 3.9.2"], pythonsWithHeaders: ["Python 3.9.2"] };
  expect(refusalText(judge("oracle-8", report))).toMatchInlineSnapshot(`
    "The host is not ready: 1 thing stands in the way. Nothing was changed on it.

    The host's own Python 3.12 lacks the headers that the engine compiles against (python-headers)
      found:   no Python 3.12
      needed:  Python 3.12 with its headers, since engine.packages is a folder
      way out: on the host: dnf install python3.12 python3.12-devel, where its repositories have that series; one that was built from source has its headers beside it; or set engine.packages to index, which brings a Python with headers"
  `);
});

test("a Python with its headers is not", () => {
  expect(judge("ubuntu-24.04", { pythonsWithHeaders: ["Python 3.12.3", "Python 3.10.12"] })).toEqual([]);
});

test("a report of an earlier release, which tells nothing of headers, still counts", () => {
  expect(judge("ubuntu-24.04", {})).toEqual([]);
});

test.each([
  ["vllm", { packages: "folder:/srv/wheels" }, "3.12"],
  ["transformers", { packages: "folder:/srv/wheels" }, "3.12"],
  ["vllm", {}, undefined],
  // Without a GPU nothing is compiled.
  ["vllm", { packages: "folder:/srv/wheels", variant: "cpu" }, undefined],
] as const)("%s with %o asks the host for the headers of Python %s", (kind, engine, series) => {
  const config = stackSchema.parse({
    target: { kind: "sandbox" },
    engine: { kind, ...engine },
    models: [{ name: "m", source: "folder:/srv/m" }],
  });
  expect(planRequirements(config, { stack: "test", architecture: "amd64" }).pythonHeaders).toBe(series);
});
