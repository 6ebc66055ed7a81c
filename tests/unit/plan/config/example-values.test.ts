import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { exampleNotice, exampleValues, StillAnExample } from "../../../../plan/config/example-values";
import { parseStackConfig } from "../../../../plan/config/parse";
import { readStackFile } from "../../../../plan/config/stack-file";

const SHIPPED = readFileSync(join(__dirname, "../../../../Pulumi.prod.yaml"), "utf8");
const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

function left(text: string) {
  const config = parseStackConfig(readStackFile(text, "Pulumi.prod.yaml"), { stack: "prod", file: "Pulumi.prod.yaml" });
  return exampleValues(config);
}
const paths = (text: string) => left(text).map(({ path }) => path.join("."));

/** The file as an operator fills it in. */
const FILLED = SHIPPED.replace(/host: .* # example/, "host: 10.1.2.3")
  .replace(/hostKey: .* # example/, `hostKey: ${HOST_KEY}`)
  .replace(/@[0-9a-f]{40} # example/, `@${"b".repeat(40)}`)
  .replace(/sha256: .* # example/, `sha256: "${"0".repeat(64)}"`)
  .replace(/- 203\S+ # example/, "- 10.0.0.0/8");

describe("the example's values", () => {
  test("are told all at once, each with what belongs there", () => {
    expect(new StillAnExample("prod", left(SHIPPED)).message).toMatchInlineSnapshot(`
      "Pulumi.prod.yaml still has 5 values of the example. No host was contacted.

        target.host is the example's address 203.0.113.10: put your host's
        target.hostKey is the example's key ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample+Put+Here+The+Key+Of+Your+Own+Server: put your host's, which \`ssh-keyscan -t ed25519 <host>\` prints
        models[0].source names the example's commit 0123456789abcdef0123456789abcdef01234567: put one of the repository's, of which \`git ls-remote https://huggingface.co/kakaocorp/kanana-1.5-8b-instruct-2505 main\` prints the newest
        models[0].sha256 is the example's checksum 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef: put that of your model's weights; with 64 zeros in quotes the first \`up\` downloads them and says what it is
        access.allow[0] is the example's network 203.0.113.0/24: put the networks of your clients and of this machine

      npm run preview -- prod shows what would be deployed, with these too."
    `);
  });

  test("are named beside a preview, which takes them", () => {
    expect(exampleNotice("prod", left(SHIPPED))).toBe(
      "Pulumi.prod.yaml still has 5 values of the example, with which up contacts no host: target.host, target.hostKey, models[0].source, models[0].sha256, access.allow[0].",
    );
    expect(exampleNotice("prod", left(FILLED))).toBeUndefined();
  });

  test("are the lines that the file marks, and no others", () => {
    expect(SHIPPED.match(/ # example$/gm)).toHaveLength(left(SHIPPED).length);
    expect(FILLED).not.toMatch(/ # example$/m);
    expect(paths(FILLED)).toEqual([]);
  });

  test.each([
    ["an address of documentation", FILLED.replace("host: 10.1.2.3", "host: 203.0.113.7"), "target.host"],
    ["the same in IPv6", FILLED.replace("host: 10.1.2.3", 'host: "2001:db8::7"'), "target.host"],
    ["the same as IPv6 writes IPv4", FILLED.replace("host: 10.1.2.3", 'host: "::ffff:203.0.113.7"'), "target.host"],
    ["the host's key", FILLED.replace(HOST_KEY, /ssh-ed25519 \S+/.exec(SHIPPED)![0]), "target.hostKey"],
    ["the network", FILLED.replace("- 10.0.0.0/8", "- 10.0.0.0/8\n      - 203.0.113.0/24"), "access.allow.1"],
    [
      "the bastion's address",
      FILLED.replace("user: root", `bastion: { host: 203.0.113.1, hostKey: ${HOST_KEY} }`),
      "target.bastion.host",
    ],
  ])("are told one by one: %s", (_, text, path) => {
    expect(paths(text)).toEqual([path]);
  });

  test.each([
    ["a name", "host: llm-1.internal"],
    ["an address beside those of documentation", "host: 203.0.114.10"],
    ["a private one", 'host: "fd00:5::1"'],
  ])("are not taken for a host's own: %s", (_, host) => {
    expect(paths(FILLED.replace("host: 10.1.2.3", host))).toEqual([]);
  });

  test("say nothing of a sandbox, where no host of one's own is in play", () => {
    const sandbox =
      "config:\n  tms-llm:target: { kind: sandbox }\n  tms-llm:models: [{ name: tiny, source: 'builtin:tiny' }]\n";
    expect(paths(`${sandbox}  tms-llm:access: { allow: [203.0.113.0/24] }\n`)).toEqual([]);
  });
});
