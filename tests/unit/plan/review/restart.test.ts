import { expect, test } from "vitest";
import { plannedFile } from "../../../../plan/render/payload";
import { differingFiles, restartsEngine } from "../../../../plan/review/restart";
import type { Step } from "../../../../plan/step";

const plan = (...files: Step["files"]) => ({ steps: [{ name: "one", files } as unknown as Step] });

const FORMER = plan(plannedFile("/etc/kept", "same"), plannedFile("/etc/text", "a"), plannedFile("/etc/gone", ""));
const NEXT = plan(
  plannedFile("/etc/kept", "same"),
  plannedFile("/etc/text", "b"),
  plannedFile("/etc/systemd/system/tms-ollama.service", ""),
);

test("two plans differ in the files that one of them lacks, or has with another text, owner or mode", () => {
  expect(differingFiles(FORMER, NEXT)).toEqual(["/etc/text", "/etc/gone", "/etc/systemd/system/tms-ollama.service"]);
  expect(differingFiles(NEXT, NEXT)).toEqual([]);
  const stricter = plan(plannedFile("/etc/kept", "same", "root:root", "0600"));
  expect(differingFiles(plan(plannedFile("/etc/kept", "same")), stricter)).toEqual(["/etc/kept"]);
});

test("only what the engine reads at its start restarts it", () => {
  expect(restartsEngine(differingFiles(FORMER, NEXT))).toBe(true);
  expect(restartsEngine(differingFiles(FORMER, plan()))).toBe(false);
});
