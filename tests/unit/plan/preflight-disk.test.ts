import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { stackSchema } from "../../../plan/config/schema";
import { planRequirements } from "../../../plan/plan";
import type { RequirementContext } from "../../../plan/plan-context";
import { judgePreflight, refusalText } from "../../../plan/preflight";
import { preflightScript } from "../../../plan/render/preflight-script";
import { hostFacts, hostReport } from "../../fixtures/hosts/load";

const GIB = 2 ** 30;
const CONTEXT: RequirementContext = { stack: "prod", architecture: "amd64" };
const RELEASE = "/opt/llm/ollama/0.17.4";

const stack = (engine: object = { kind: "ollama", version: "0.17.4" }) =>
  stackSchema.parse({
    target: { kind: "sandbox" },
    engine,
    models: [{ name: "tiny", source: "builtin:tiny" }],
  });

/** What a host of one disk, with so much of it free, is refused for. */
function refused(
  freeGib: number,
  ours: { used?: readonly (readonly [string, number])[]; releases?: readonly string[] } = {},
  context: RequirementContext = CONTEXT,
): string {
  const { used = [], releases = [] } = ours;
  const facts = hostFacts("deployed", {
    disks: [{ mount: "/", sizeBytes: 100 * GIB, freeBytes: freeGib * GIB }],
    ours: {
      ...hostReport("deployed").ours!,
      used: used.map(([path, gibibytes]) => ({ path, bytes: gibibytes * GIB })),
      releases: [...releases],
    },
  });
  const requirements = { ...planRequirements(stack(), context), memoryBytes: 0 };
  return refusalText(judgePreflight(facts, requirements).refusals.filter(({ id }) => id === "disk"));
}

describe("the disk that a release of Ollama takes", () => {
  test("is asked for with its archive, and with the releases before it left out of what is free", () => {
    expect(refused(7.125)).toMatchInlineSnapshot(`
      "The host is not ready: 1 thing stands in the way. Nothing was changed on it.

      The disk at / has too little room (disk)
        found:   7.1 GiB free of 100 GiB
        needed:  7.3 GiB for /opt and /var/lib
        way out: free some space, mount a larger disk at /opt, or choose smaller models"
    `);
    expect(refused(7.25)).toBe("");
  });

  test.each<[string, number, Parameters<typeof refused>[1], boolean]>([
    ["where it is whole it is not asked for again", 0.25, { releases: [RELEASE] }, true],
    ["a release before it is no room for it", 4, { releases: ["/opt/llm/ollama/0.17.7"] }, false],
    ["what a killed run has unpacked of it is", 4, { used: [[`${RELEASE}.next`, 3.25]] }, true],
    ["an archive that is there already is", 5.25, { used: [["/var/lib/tms-llm-incoming", 2]] }, true],
  ])("%s", (_title, free, ours, admitted) => {
    expect(refused(free, ours) === "").toBe(admitted);
  });

  test("is small where it was built here, for a sandbox", () => {
    const artifacts = {
      "ollama-0.17.4-linux-amd64": { path: "/a", sha256: "a".repeat(64), origin: "local-build" },
    } as const;
    expect(refused(1.5, {}, { ...CONTEXT, artifacts })).toBe("");
  });
});

test("an engine in Python has a release of its own in the same way", () => {
  expect(planRequirements(stack({ kind: "vllm" }), CONTEXT).release).toEqual({
    folder: expect.stringMatching(/^\/opt\/llm\/vllm\/0\.32\.0-cuda-[0-9a-f]{8}$/) as string,
    diskBytes: { "/opt": 12 * GIB },
  });
});

describe.skipIf(process.platform !== "linux")("the preflight script, on folders as a host has them", () => {
  test("tells whole releases, and the bytes of what is not whole", async () => {
    const root = (await execa("mktemp", ["-d"])).stdout;
    const moved = preflightScript()
      .replaceAll("/opt/llm/", `${root}/opt/llm/`)
      .replaceAll("/var/lib/tms-llm", `${root}/var/lib/tms-llm`);
    await execa("bash", [
      "-c",
      `set -e; cd ${root}; mkdir -p opt/llm/ollama/0.17.4 opt/llm/ollama/0.17.7.part opt/llm/vllm/0.32.0-cuda opt/llm/vllm/locks opt/llm/vllm/.uv var/lib/tms-llm
      touch opt/llm/ollama/0.17.4/.complete opt/llm/vllm/0.32.0-cuda/.complete
      head -c 300000 /dev/zero | tee opt/llm/ollama/0.17.4/a opt/llm/ollama/0.17.7.part/a opt/llm/vllm/.uv/a >/dev/null`,
    ]);
    const { stdout } = await execa("bash", ["-s"], { input: moved });
    await execa("rm", ["-rf", root]);
    const { ours } = JSON.parse(stdout) as { ours: { used: { path: string; bytes: number }[]; releases: string[] } };
    expect(ours.releases).toEqual([`${root}/opt/llm/ollama/0.17.4`, `${root}/opt/llm/vllm/0.32.0-cuda`]);
    expect(ours.used.filter(({ bytes }) => bytes > 300000).map(({ path }) => path)).toEqual([
      `${root}/opt/llm/ollama/0.17.7.part`,
      `${root}/opt/llm/vllm/.uv`,
    ]);
  });
});
