import { writeFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import type { Reporter, TestCase, TestModule, TestSuite } from "vitest/node";

function titleOf(place: TestCase | TestSuite | TestModule): string {
  return place.type === "module" ? place.relativeModuleId : `${place.module.relativeModuleId} > ${place.fullName}`;
}

const firstLine = (text: string): string => stripVTControlCharacters(text).split("\n")[0]!;

/**
 * Writes a line for everything that failed to the file that `TMS_LLM_FAILURES` names. A run of several lanes repeats
 * them at its end; a hook's failure, which vitest's JSON report leaves out, is among them.
 */
export default class FailuresReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const lines = modules.flatMap((module) =>
      [module, ...module.children.allSuites(), ...module.children.allTests("failed")].flatMap((place) =>
        (place.type === "test" ? (place.result().errors ?? []) : place.errors()).map(
          (error) => `${titleOf(place)}: ${firstLine(error.message)}\n`,
        ),
      ),
    );
    const file = process.env.TMS_LLM_FAILURES;
    if (file !== undefined) writeFileSync(file, lines.join(""));
  }
}
