import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findModel } from "../../../../plan/catalog/models";
import { ConfigurationFaults } from "../../../../plan/config/faults";
import { parseStackConfig } from "../../../../plan/config/parse";
import { readStackFile } from "../../../../plan/config/stack-file";
import { parseFactsFile } from "../../../../plan/host-facts";
import { PlanRefused } from "../../../../plan/preflight/refusal";
import { planForReview } from "../../../../plan/review/planned-stack";
import { isSizable } from "../../../../plan/sizing/arithmetic";
import { tokensOfCache } from "../../../../plan/sizing/vllm";

const read = (text: string) => readStackFile(text, "Pulumi.test.yaml");

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ConfigurationFaults) return error.message;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("readStackFile", () => {
  test("strips the project's namespace and leaves out other namespaces", () => {
    const text = "config:\n  tms-llm:gateway: { port: 8443 }\n  pulumi:tags: { a: b }\n  command:x: 1\n";
    expect(read(text)).toEqual({ gateway: { port: 8443 } });
  });

  test("takes a key without a namespace as the project's, as Pulumi does", () => {
    expect(read("config:\n  gateway: { port: 8443 }\n")).toEqual({ gateway: { port: 8443 } });
  });

  test("leaves out encrypted values of names that the project doesn't know", () => {
    expect(read("config:\n  tms-llm:mine: { secure: v1:abc }\n")).toEqual({});
  });

  test("leaves out a token that is encrypted: it is no part of the configuration", () => {
    expect(read("config:\n  tms-llm:huggingFaceToken: { secure: v1:abc }\n")).toEqual({});
  });

  test("ignores what Pulumi keeps beside config", () => {
    expect(read("encryptionsalt: v1:abc\nsecretsprovider: passphrase\n")).toEqual({});
  });

  test("takes an empty file as one without keys", () => {
    expect(read("")).toEqual({});
  });

  test("reads `off` as a text, as Pulumi does", () => {
    expect(read("config:\n  tms-llm:access: { firewall: off }\n")).toEqual({ access: { firewall: "off" } });
  });

  test.for([
    ["an encrypted value of a key of ours", "config:\n  tms-llm:gateway:\n    serverName: { secure: v1:abc }\n"],
    ["a token in clear", "config:\n  tms-llm:huggingFaceToken: hf_neverShown\n"],
    ["text that is no YAML", "config:\n  tms-llm:gateway: { port: 443\n"],
    ["a tab", "config:\n\ttms-llm:gateway: {}\n"],
    ["a key that stands twice", "config:\n  tms-llm:gateway: {}\n  tms-llm:gateway: {}\n"],
    ["an alias without its anchor", "config:\n  tms-llm:gateway: *door\n"],
    ["two documents", "config: {}\n---\nconfig: {}\n"],
    ["a misspelt config", "confg:\n  tms-llm:gateway: {}\n"],
    ["a key of ours outside config", "tms-llm:gateway: {}\n"],
    ["a list", "- config\n"],
    ["a config that is a text", "config: gateway\n"],
  ] as const)("refuses %s", ([, text]) => {
    expect(messageOf(() => read(text))).toMatchSnapshot();
  });
});

describe("the project's own stack files", () => {
  const stackText = (stack: string) => readFileSync(join(__dirname, `../../../../Pulumi.${stack}.yaml`), "utf8");
  const parse = (stack: string, text: string) => {
    const file = `Pulumi.${stack}.yaml`;
    return parseStackConfig(readStackFile(text, file), { stack, file });
  };

  test("dev is a sandbox with the tiny model", () => {
    const config = parse("dev", stackText("dev"));
    expect(config.target.kind).toBe("sandbox");
    expect(config.models.map(({ source }) => source)).toEqual(["builtin:tiny"]);
  });

  test("prod is a production as applications want it: vLLM with Kanana in bf16, and the application behind the same door", () => {
    expect(parse("prod", stackText("prod"))).toMatchObject({
      target: { kind: "ssh" },
      engine: { kind: "vllm", variant: "cuda" },
      models: [
        {
          name: "kanana-1.5-8b",
          source: expect.stringMatching(/^hf\.co\/kakaocorp\/kanana-1\.5-8b-instruct-2505@/) as string,
        },
      ],
      gateway: { applicationRoute: { upstream: "127.0.0.1:3000" } },
    });
  });

  test("prod can be planned as it is, and breaks no policy", () => {
    expect(planForReview("prod", parse("prod", stackText("prod")), undefined)).toMatchObject({ violations: [] });
  });

  test.for([
    ["an L4", "24k", 23_034],
    ["an A10", "24k", 23_028],
    ["an RTX 4090", "32k", 24_564],
    ["a card of 16 GB", "nothing", 16_376],
  ] as const)("of the contexts in prod, %s holds %s, as its comments say", ([, longest, mebibytes]) => {
    const l4 = parseFactsFile(readFileSync(join(__dirname, "../../../golden/auto-l4/facts.yaml"), "utf8"), "prod");
    const facts = { ...l4, gpus: l4.gpus.map((gpu) => ({ ...gpu, memory: mebibytes * 2 ** 20 })) };
    const fits = (text: string) => {
      try {
        return planForReview("prod", parse("prod", text), facts).refusal === undefined;
      } catch (error) {
        if (error instanceof PlanRefused) return false;
        throw error;
      }
    };
    const text = stackText("prod");
    expect([fits(text), fits(text.replace("context: 24k", "context: 32k"))]).toEqual([
      longest !== "nothing",
      longest === "32k",
    ]);
  });

  test.for([
    ["26,800", [23_034, 23_028]],
    ["38,100", [24_564]],
  ] as const)("prod's comments say how many tokens there is room for: %s", ([said, cards]) => {
    const { engine, models } = parse("prod", stackText("prod"));
    const { model, quantization } = findModel(models[0]!.source)!;
    if (!isSizable(model)) throw new Error(`${model.id} cannot be sized`);
    const percent = engine.kind === "vllm" ? Number(engine.gpuMemoryPercent) : 0;
    const tokens = cards.map((mebibytes) =>
      tokensOfCache({ model, quantization }, { parts: 1, percent, memory: mebibytes * 2 ** 20 }),
    );
    expect(tokens.map((count) => (Math.round(count / 100) * 100).toLocaleString("en"))).toEqual(cards.map(() => said));
    expect(stackText("prod")).toContain(said);
  });
});
