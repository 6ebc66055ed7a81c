import { describe, expect, test } from "vitest";
import { stackSchema } from "../../../plan/config/schema";
import { GIVEN_KEY, gatewayStep } from "../../../plan/gateway";
import { gatewayConfig, sampleStep } from "../../harness/gateway";

const row = ({ path, owner, mode }: { path: string; owner: string; mode: string }) => `${mode} ${owner} ${path}`;

describe("gatewayStep", () => {
  test("with its own CA plans the allowlist, the keys and what the certificate is good for", () => {
    const step = sampleStep(gatewayConfig({ serverName: "llm.example" }), {
      addresses: ["192.0.2.7", "fd00::7", "127.0.0.1"],
    });
    expect(step.files.map(row)).toEqual([
      "0644 root:root /etc/nginx/conf.d/tms-llm.conf",
      "0600 root:root /etc/nginx/tms-llm/keys.conf",
      "0644 root:root /etc/tms-llm/tls/openssl.cnf",
    ]);
    expect(step.inputs).toEqual({
      port: "443",
      tls: "own-ca",
      restored_ca: "{{secret?:tls/restored-ca}}",
      server_name: "llm.example",
      upstreams: "network",
      subject_names: "DNS:llm.example\nDNS:localhost\nIP:127.0.0.1\nIP:::1\nIP:192.0.2.7\nIP:fd00::7",
    });
    expect(step.files[2]!.text).toContain(
      "subjectAltName = DNS:llm.example, DNS:localhost, IP:127.0.0.1, IP:::1, IP:192.0.2.7, IP:fd00::7\n",
    );
  });

  test.each([
    ["Ollama, which is on loopback", "ollama", {}, "network"],
    ["vLLM, which has a Unix socket", "vllm", {}, "socket"],
    ["vLLM, and an application on loopback", "vllm", { applicationRoute: { upstream: "127.0.0.1:3000" } }, "network"],
  ])("says whether nginx connects to the network: %s", (_title, kind, gateway, upstreams) => {
    const config = stackSchema.parse({
      target: { kind: "sandbox" },
      engine: { kind, ...(kind === "vllm" ? { parallel: 1 } : {}) },
      models: [{ name: "tiny", source: "builtin:tiny", context: 2048 }],
      gateway,
    });
    expect(sampleStep(config).inputs["upstreams"]).toBe(upstreams);
  });

  test.each([
    ["203.0.113.10", "IP:203.0.113.10"],
    ["gpu1.example", "DNS:gpu1.example"],
  ])("puts the name under which an SSH host is reached, %s, into the certificate", (host, name) => {
    const config = stackSchema.parse({
      target: {
        kind: "ssh",
        host,
        hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ1lQ9bJ8JH4m4sJ3o5l0k7Qz0Xw2Y9c3VnT6u5r8aB",
      },
      models: [{ name: "tiny", source: "builtin:tiny" }],
    });
    expect(gatewayStep(config, { secrets: [], addresses: [] }).inputs["subject_names"]!.split("\n")).toContain(name);
  });

  test("plans a given certificate with its key as a secret", () => {
    const config = gatewayConfig({ tls: { mode: "files", certificate: "chain.pem", privateKey: "key.pem" } });
    const step = sampleStep(config, { certificate: "-----BEGIN CERTIFICATE-----\n" });
    expect(step.files.slice(2).map((file) => [row(file), file.text])).toEqual([
      ["0644 root:root /etc/tms-llm/tls/given.pem", "-----BEGIN CERTIFICATE-----\n"],
      ["0600 root:root /etc/tms-llm/tls/given.key", "{{secret:tls/private-key}}"],
    ]);
    expect(step.secrets).toContainEqual(GIVEN_KEY);
    expect(() => sampleStep(config)).toThrow("no certificate was read");
  });

  test("plans no certificate without TLS", () => {
    const step = sampleStep(gatewayConfig({ tls: { mode: "off" } }));
    expect(step.files).toHaveLength(2);
    expect(step.files[0]!.text).not.toContain("ssl");
    expect(step.inputs["subject_names"]).toBe("");
  });

  test("is the same whatever the order of the clients, and holds slots, not keys", () => {
    const config = gatewayConfig({});
    const secrets = ["client/a/a", "client/b/b", "client/b/a"].map((name) => ({ name, generation: 1 }));
    const step = gatewayStep(config, { secrets, addresses: [] });
    expect(gatewayStep(config, { secrets: secrets.toReversed(), addresses: [] })).toEqual(step);
    expect(step.secrets.map(({ name }) => name)).toEqual(["client/a/a", "client/b/a", "client/b/b"]);
    expect(step.files[1]!.text.match(/\{\{secret:[^}]+\}\}/g)).toHaveLength(3);
  });
});
