import { writeFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import type { Reporter, TestCase, TestModule, TestSuite } from "vitest/node";

function titleOf(place: TestCase | TestSuite | TestModule): string {
  return place.type === "module" ? place.relativeModuleId : `${place.module.relativeModuleId} > ${place.fullName}`;
}

const firstLine = (text: string): string => stripVTControlCharacters(text).split("\n")[0]!;

function linesOf(places: readonly (TestCase | TestSuite | TestModule)[]): string[] {
  return places.flatMap((place) =>
    (place.type === "test" ? (place.result().errors ?? []) : place.errors()).map(
      (error) => `${titleOf(place)}: ${firstLine(error.message)}`,
    ),
  );
}

/**
 * Writes a line for everything that failed to the file that `TMS_LLM_FAILURES` names, as JSON: `failed` for good, or
 * `passedLater`, when it was tried again. A run of several lanes repeats them at its end; a hook's failure, which
 * vitest's JSON report leaves out, is among them.
 */
export default class FailuresReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const file = process.env.TMS_LLM_FAILURES;
    if (file === undefined) return;
    const places = modules.flatMap((module) => [module, ...module.children.allSuites()]);
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const failed = [...places, ...tests.filter((test) => test.result().state === "failed")];
    const passedLater = tests.filter((test) => test.diagnostic()?.flaky === true);
    writeFileSync(file, JSON.stringify({ failed: linesOf(failed), passedLater: linesOf(passedLater) }));
  }
}
