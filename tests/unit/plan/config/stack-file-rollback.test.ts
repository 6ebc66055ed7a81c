import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { rolledBack } from "../../../../plan/config/stack-file-rollback";

const ORIGIN = { stack: "test", file: "Pulumi.test.yaml" };

const stackFile = (context: string, clients: string) => `config:
  tms-llm:target:
    kind: sandbox
  tms-llm:models:
    # Small.
    - { name: tiny, source: "builtin:tiny", context: ${context} }
${clients}`;

describe("rolledBack", () => {
  const before = stackFile("2k", "  tms-llm:clients:\n    tms: { a: 1 }\n");

  test("is the former text to the letter where the clients are the same", () => {
    expect(rolledBack(stackFile("4k", "  tms-llm:clients: { tms: { a: 1 } }\n"), before, ORIGIN)).toBe(before);
  });

  test("keeps the keys that were made since, and whatever stands beside them", () => {
    const present = stackFile("4k", "  tms-llm:clients:\n    tms: { b: 2 } # rotated\n");
    expect(rolledBack(present, before, ORIGIN)).toBe(
      stackFile("2k", "  tms-llm:clients:\n    tms: { b: 2 } # rotated\n"),
    );
  });

  test("keeps Pulumi's salt, without which the state can't be read", () => {
    const text = rolledBack(`${stackFile("4k", "")}encryptionsalt: v1:abc\n`, stackFile("2k", ""), ORIGIN);
    expect(text).toBe(`${stackFile("2k", "")}encryptionsalt: v1:abc\n`);
  });

  test.each([
    ["the present", stackFile("4k", ""), stackFile("2k", "  tms-llm:clients:\n    rag: { a: 1 }\n"), { tms: { a: 1 } }],
    ["the former", stackFile("4k", "  clients:\n    rag: { a: 1 }\n"), stackFile("2k", ""), { rag: { a: 1 } }],
  ])("knows the clients where %s file leaves them to the default", (_, present, former, clients) => {
    const { config } = parse(rolledBack(present, former, ORIGIN)) as { config: Record<string, unknown> };
    expect(config["tms-llm:clients"]).toEqual(clients);
    expect(config["tms-llm:models"]).toMatchObject([{ context: "2k" }]);
  });
});
