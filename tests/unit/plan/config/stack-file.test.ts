import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ConfigurationFaults } from "../../../../plan/config/faults";
import { parseStackConfig } from "../../../../plan/config/parse";
import { readStackFile } from "../../../../plan/config/stack-file";

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

  test("prod asks for the host key and the model's checksum, which only its operator can vouch for, and for nothing else", () => {
    expect(messageOf(() => parse("prod", stackText("prod")))).toMatchInlineSnapshot(`
      "Pulumi.prod.yaml has 2 faults. No host was touched.

      tms-llm:target.hostKey
        found:   "ssh-ed25519 <paste the key here>"
        allowed: the whole public key of the host, its type first: "ssh-ed25519 AAAA…"
        hint:    \`ssh-keyscan -t ed25519 <host>\` prints it after the host's name. Compare it with /etc/ssh/ssh_host_ed25519_key.pub on the host itself.

      tms-llm:models[0].sha256
        found:   "<paste the checksum here>"
        allowed: 64 hexadecimal digits in lower case, as sha256sum prints them

      Every key is described in docs/configuration.md."
    `);
  });

  test("prod is complete once the two are filled in", () => {
    const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
    const text = stackText("prod")
      .replace(/hostKey: .*/, `hostKey: ${hostKey}`)
      .replace(/sha256: .*/, `sha256: ${"a".repeat(64)}`);
    expect(parse("prod", text)).toMatchObject({
      target: { kind: "ssh", host: "203.0.113.10", hostKey },
      models: [{ source: "hf.co/Mungert/kanana-1.5-8b-instruct-2505-GGUF:Q4_K_M", context: 8192 }],
    });
  });
});
