import { describe, expect, test } from "vitest";
import { stackSchema } from "../../../plan/config/schema";
import { DEFAULT_EXISTING, existingStep, manifestPath, type Existing } from "../../../plan/existing";
import { hostFacts } from "../../../plan/host-facts";
import { judgePreflight, refusalText } from "../../../plan/preflight";
import type { PreflightReport } from "../../../plan/preflight/report";
import type { ResolvedConfig } from "../../../plan/sizing/resolved";
import { hostFacts as measured, hostReport } from "../../fixtures/hosts/load";

const service = (name: string, active: string, enabled: string) => ({
  name,
  active,
  enabled,
  path: `/etc/systemd/system/${name}`,
});
const OLLAMA_RUNS = {
  services: [service("ollama.service", "active", "enabled")],
  ports: [{ address: "127.0.0.1", port: 11434, process: "ollama", unit: "ollama.service" }],
};

function judge(existing: Partial<Existing>, report: Partial<PreflightReport>) {
  const { refusals, warnings } = judgePreflight(measured("ubuntu-24.04", report), {
    memoryBytes: 2 ** 30,
    diskBytes: {},
    ports: [{ port: 11434, unit: "tms-ollama.service" }],
    serverName: "llm.internal",
    existing: { ...DEFAULT_EXISTING, ...existing },
  });
  const ids = (found: typeof refusals) => found.map(({ id }) => id);
  return { refused: ids(refusals), warned: ids(warnings), text: refusalText(refusals, warnings) };
}

describe("an ollama.service that runs on our port", () => {
  test.each<[Existing["ollama"], refused: string[], warned: string[]]>([
    ["refuse", ["port-taken", "foreign-service"], []],
    ["leave", ["port-taken"], ["service-left"]],
    ["adopt", [], ["service-adopted"]],
  ])("with existing.ollama: %s → refused for %j, with a word about %j", (ollama, refused, warned) => {
    expect(judge({ ollama }, OLLAMA_RUNS)).toMatchObject({ refused, warned });
  });

  test("is refused with every way out", () => {
    expect(judge({}, { services: OLLAMA_RUNS.services }).text).toMatchInlineSnapshot(`
      "The host is not ready: 1 thing stands in the way. Nothing was changed on it.

      Another LLM server is set up on the host: ollama.service (foreign-service)
        found:   /etc/systemd/system/ollama.service: running, starts at boot
        needed:  one LLM server at a time, since two would take each other's memory and ports
        way out: set existing.ollama to adopt, which takes its place and brings it back at destroy, or to leave, where there is room for both; or on the host: systemctl disable --now ollama.service"
    `);
  });
});

test.each<[string, keyof Existing]>([
  ["kanana-llm.service", "kanana"],
  ["llm-gpt.service", "others"],
])("%s is a matter of existing.%s", (name, key) => {
  const report = { services: [service(name, "activating", "disabled")] };
  expect(judge({}, report).refused).toEqual(["foreign-service"]);
  expect(judge({ [key]: "adopt" }, report).refused).toEqual([]);
});

test("what was adopted is not given back while the deployment lasts", () => {
  const ours = { digest: "0", used: [], ledger: [{ kind: "resting", id: "ollama.service" }] };
  const resting = { services: [service("ollama.service", "inactive", "disabled")], ours };
  expect(judge({ ollama: "adopt" }, resting)).toMatchObject({ refused: [], warned: [] });
  expect(judge({ ollama: "leave" }, resting).text).toMatchInlineSnapshot(`
    "The host is not ready: 1 thing stands in the way. Nothing was changed on it.

    This deployment stands in the place of ollama.service, and the stack file no longer says so (adopted-before)
      found:   existing.ollama: leave
      needed:  adopt, as long as the deployment lasts: given back now, it would take our memory and ports
      way out: set existing.ollama to adopt; npm run destroy brings ollama.service back"
  `);
});

test.each<[title: string, existing: Partial<Existing>, report: Partial<PreflightReport>, refused: string]>([
  [
    "a user tms",
    { account: "refuse" },
    { tmsUser: { name: "tms", uid: 1000, gid: 1000, home: "/home/tms", shell: "/bin/bash" } },
    "account-there",
  ],
  [
    "the application's site",
    { applicationSite: "refuse" },
    {
      nginx: {
        path: "/usr/sbin/nginx",
        sites: [
          {
            path: "/etc/nginx/conf.d/sqltms.info.conf",
            target: "/etc/nginx/conf.d/sqltms.info.conf",
            serverNames: "sqltms.info",
            listens: ["80"],
          },
        ],
      },
    },
    "application-site-there",
  ],
])("%s is refused only where the stack file says so", (_, existing, report, refused) => {
  expect(judge(existing, report).refused).toEqual([refused]);
  expect(judge({}, report).refused).toEqual([]);
});

test("memory of a GPU that a former engine holds counts as ours once it is adopted", () => {
  const { gpu } = hostReport("l4");
  const [uuid] = /GPU-[0-9a-f-]+/.exec(gpu.nvidiaSmi.output!)!;
  const holder = { gpu: uuid, name: "/usr/local/bin/ollama", usedMebibytes: 6144, unit: "ollama.service" };
  const held = (existing: Partial<Existing>) =>
    hostFacts(measured("l4", { gpu: { ...gpu, processes: [holder] } }), { ...DEFAULT_EXISTING, ...existing }).gpus[0]!
      .heldByOthers;
  expect([held({}), held({ ollama: "adopt" })]).toEqual([6144 * 2 ** 20, 0]);
});

describe("existingStep", () => {
  const stack = (changes: Record<string, unknown>) =>
    stackSchema.parse({ target: { kind: "sandbox" }, ...changes }) as ResolvedConfig;
  const models = [
    { name: "k", source: "hf.co/Mungert/kanana-1.5-8b-instruct-2505-GGUF:Q4_K_M" },
    { name: "t", source: "builtin:tiny" },
  ];

  test("is not there where nothing is adopted", () => {
    expect(existingStep(stack({ models, existing: { ollama: "leave" } }))).toBeUndefined();
  });

  test("names the units, and the models that Ollama may have downloaded", () => {
    const existing = { ollama: "adopt", others: "adopt" };
    expect(existingStep(stack({ models, existing }))!.inputs).toEqual({
      units: "ollama.service\nllm-*.service",
      manifests: "hf.co/Mungert/kanana-1.5-8b-instruct-2505-GGUF/Q4_K_M",
    });
    const vllm = existingStep(stack({ models, existing, engine: { kind: "vllm" } }));
    expect(vllm!.inputs["manifests"]).toBe("");
  });

  test.each([
    ["ollama:qwen3:8b", "registry.ollama.ai/library/qwen3/8b"],
    ["ollama:qwen3", "registry.ollama.ai/library/qwen3/latest"],
    ["ollama:somebody/model:v1", "registry.ollama.ai/somebody/model/v1"],
    ["ollama:registry.internal:5000/library/qwen3", "registry.internal:5000/library/qwen3/latest"],
    ["hf.co/user/repository:Q8_0", "hf.co/user/repository/Q8_0"],
    ["file:model.gguf", undefined],
  ])("finds the manifest of %s at %s", (source, path) => {
    expect(manifestPath(source)).toBe(path);
  });
});
