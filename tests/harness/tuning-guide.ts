import { execa } from "execa";
import { expect } from "vitest";
import type { Clone } from "./clone";

/** Has an application that knows nothing but its env file ask for a streamed answer in Korean, and expects it in pieces. */
export async function expectStreamedKorean(clone: Clone): Promise<void> {
  const { stdout, stderr } = await execa(
    "node",
    [`--env-file=${clone.path(".tms-llm", "dev", "tms.env")}`, clone.path("tests/fixtures/clients/tuning-guide.mjs")],
    {
      cwd: clone.folder,
      extendEnv: false,
      env: { PATH: process.env["PATH"], NODE_EXTRA_CA_CERTS: clone.path(".tms-llm", "dev", "ca.pem") },
    },
  );
  expect(stderr).toBe("");
  const { pieces, text } = JSON.parse(stdout) as { pieces: number; text: string };
  expect(pieces).toBeGreaterThan(10);
  expect(text).toMatch(/\p{Script=Hangul}/u);
}
