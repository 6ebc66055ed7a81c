import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { ConfigurationFaults } from "../../../../plan/config/faults";
import { parseStackConfig } from "../../../../plan/config/parse";
import { readStackFile } from "../../../../plan/config/stack-file";
import { faultyStacks, validStacks } from "./faulty-stacks";

const FILE = "Pulumi.test.yaml";

const parseStack = (raw: Record<string, unknown>) => parseStackConfig(raw, { stack: "test", file: FILE });

function faultsOf(raw: Record<string, unknown>): ConfigurationFaults {
  try {
    parseStack(raw);
  } catch (error) {
    if (error instanceof ConfigurationFaults) return error;
    throw error;
  }
  throw new Error("the stack file was accepted");
}

/** A row's keys over a minimal valid stack, through the text of a stack file. */
function stackOf(yaml: string): Record<string, unknown> {
  const keys: Record<string, unknown> = {
    target: { kind: "sandbox" },
    models: [{ name: "tiny", source: "builtin:tiny" }],
    ...(parse(yaml) as Record<string, unknown> | null),
  };
  const config = Object.fromEntries(Object.entries(keys).map(([key, value]) => [`tms-llm:${key}`, value]));
  return readStackFile(JSON.stringify({ config }), FILE);
}

describe("parseStackConfig", () => {
  test.for(Object.entries(validStacks))("accepts %s", ([, yaml]) => {
    expect(() => parseStack(stackOf(yaml))).not.toThrow();
  });

  test.for(faultyStacks)("refuses %s", ([, yaml]) => {
    const { message, faults } = faultsOf(stackOf(yaml));
    expect(faults).toHaveLength(1);
    expect(message).toMatchSnapshot();
  });

  test("tells every row apart", () => {
    expect(new Set(faultyStacks.map(([title]) => title)).size).toBe(faultyStacks.length);
    expect(faultyStacks.length).toBeGreaterThanOrEqual(60);
  });

  test("fills in defaults, in bytes, seconds and tokens", () => {
    const config = parseStack(stackOf(""));
    expect(config.target).toEqual({ kind: "sandbox", memory: 4 * 2 ** 30 });
    expect(config.engine).toMatchObject({ version: "0.17.4", keepAlive: 86_400, port: 11_434 });
    expect(config.gateway).toMatchObject({ tls: { mode: "own-ca" }, maxBodySize: 4 * 2 ** 20, readTimeout: 600 });
    expect(config.models[0]).toEqual({
      name: "tiny",
      source: "builtin:tiny",
      download: true,
      context: 4096,
      parameters: {},
    });
    expect(config.clients).toMatchObject({ tms: { a: { generation: 1 }, application: { apiType: "openai" } } });
  });

  test("reports every fault at once, in the order of the sections, shapes and contradictions together", () => {
    const raw = {
      clients: { "Bad Name": { a: 1 }, app: {} },
      target: { kind: "sandbox" },
      models: [
        { name: "m", source: "file:m.gguf", contxt: "8k" },
        { name: "m", source: "ollama:x", context: "lots" },
      ],
      gateway: { port: 11434, tls: { mode: "ownca" }, readTimeout: 600 },
      access: { allow: ["10.0.0.0/8", "0.0.0.0/0", "everyone"] },
    };
    const { faults, message } = faultsOf(raw);
    expect(faults.map(({ path }) => path)).toEqual([
      "tms-llm:models[0].contxt",
      "tms-llm:models[1].context",
      "tms-llm:models[0].sha256",
      "tms-llm:models[1].name",
      "tms-llm:gateway.tls.mode",
      "tms-llm:gateway.readTimeout",
      "tms-llm:gateway.port",
      'tms-llm:clients["Bad Name"]',
      "tms-llm:clients.app",
      "tms-llm:access.allow[2]",
      "tms-llm:access.allow[1]",
    ]);
    expect(message).toMatchSnapshot();
  });

  test("does not report the absence of what is there but faulty", () => {
    const { faults } = faultsOf({
      ...stackOf(""),
      models: [{ name: "m", source: "file:m.gguf", sha256: "abc" }],
      clients: { tms: { a: 0 } },
    });
    expect(faults.map(({ path }) => path)).toEqual(["tms-llm:models[0].sha256", "tms-llm:clients.tms.a"]);
  });

  test("reports both missing sections of an empty stack file", () => {
    expect(faultsOf({}).message).toMatchSnapshot();
  });
});
