import { expect, test } from "vitest";
import { parse } from "yaml";
import { bareStackFile } from "../../../../plan/config/stack-file-bare";

const bare = (text: string) => parse(bareStackFile(text)) as unknown;

test("what opens the operator's secrets is left out, and so are the secrets", () => {
  const text = `secretsprovider: awskms://alias/pulumi
encryptedkey: abc
encryptionsalt: v1:abc
config:
  tms-llm:huggingFaceToken: { secure: v1:abc }
  other:password:
    secure: v1:abc
  tms-llm:gateway: { port: 8443 }
`;
  expect(bare(text)).toEqual({ config: { "tms-llm:gateway": { port: 8443 } } });
});

test("private keys are left out, the bastion's too", () => {
  const text = `config:
  tms-llm:target: { kind: ssh, privateKeyFile: ~/.ssh/id, bastion: { host: b, privateKeyFile: ~/.ssh/b } }
`;
  expect(bare(text)).toEqual({ config: { "tms-llm:target": { kind: "ssh", bastion: { host: "b" } } } });
});

test("a client may have the name by which Pulumi marks a secret", () => {
  const text = "config:\n  tms-llm:clients: { secure: { a: 1 } }\n";
  expect(bare(text)).toEqual({ config: { "tms-llm:clients": { secure: { a: 1 } } } });
});

test("what looks like a date or a boolean stays a text", () => {
  const text = 'config:\n  tms-llm:clients: { tms: { a: 1, expires: "2026-12-31" } }\n  x: { firewall: off }\n';
  expect(bareStackFile(text)).toContain('"expires":"2026-12-31"');
  expect(bareStackFile(text)).toContain('"firewall":"off"');
});

test("an empty file has no configuration", () => {
  expect(bare("")).toEqual({});
});
