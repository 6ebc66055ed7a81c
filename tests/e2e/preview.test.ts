import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execaSync } from "execa";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { Clone, DOCKER_MISSING } from "../harness/clone";

/** A network of its own, in which only the loopback interface is there. */
const NO_NETWORK = "unshare --map-root-user --net bash -c";
const NAMESPACES_MISSING = execaSync("unshare", ["--map-root-user", "--net", "ip", "link", "set", "lo", "up"], {
  reject: false,
}).failed;

const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

describe.skipIf(DOCKER_MISSING)("a clone whose tools are there, before any deployment (needs Docker)", () => {
  let clone: Clone;
  beforeAll(async () => {
    clone = await Clone.make();
    // Ollama for a small card; its key file is somebody else's, and a token stands there encrypted by a passphrase of theirs.
    clone.write(
      `encryptionsalt: v1:abc=:v1:abc:abc==
config:
  tms-llm:target: { kind: ssh, host: llm-2, hostKey: ${HOST_KEY}, privateKeyFile: ~/.ssh/nobody-has-this }
  tms-llm:huggingFaceToken: { secure: "v1:abc:abc" }
  tms-llm:models:
    - name: kanana-1.5-8b
      source: hf.co/Mungert/kanana-1.5-8b-instruct-2505-GGUF:Q4_K_M
      sha256: ${"a".repeat(64)}
  tms-llm:access: { allow: [10.0.0.0/8] }
`,
      "Pulumi.small.yaml",
    );
    // Of its own, since others preview beside this test.
    mkdirSync(clone.path("temporary"));
    vi.stubEnv("TMPDIR", clone.path("temporary"));
    const doctor = await clone.run(["doctor", "--fix"]);
    expect(doctor.exitCode, doctor.output).toBe(0);
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    return clone.remove();
  });
  beforeEach(({ onTestFailed }) => {
    onTestFailed(() => console.error(clone.console.slice(-8000)));
  });

  /** What may not be written to: the backend, the stack files and what else is kept, and this machine's folder for a while. */
  const kept = () => [
    contents(clone.path(".tms-llm", "state")),
    contents(clone.path(".tms-llm"), false),
    ...["dev", "prod", "small"].map((stack) => clone.read(`Pulumi.${stack}.yaml`)),
    readdirSync(tmpdir()).filter((name) => name.startsWith("tms-llm-preview-")),
  ];

  test.skipIf(NAMESPACES_MISSING).for([
    ["prod", "as it is committed", "vLLM 0.32.0 (cuda)"],
    ["small", "without its archive, its key file and its passphrase", "Ollama 0.17"],
    ["dev", "its sandbox", "Ollama 0.17"],
  ] as const)(
    "previews %s, %s, where no network can be reached, and writes nothing (needs network namespaces)",
    async ([stack, , engine]) => {
      const before = kept();
      const { exitCode, output } = await clone.shell(
        `${NO_NETWORK} 'ip link set lo up && test -z "$(ip route)" && exec node toolchain/start.mjs preview ${stack}'`,
      );
      expect(exitCode, output).toBe(0);
      expect(output).toContain(`Nothing of ${stack} is deployed by Pulumi's state`);
      expect(output).toContain(engine);
      expect(output).toMatch(/^ +\+ \d+ to create$/m);
      expect(output.includes(`facts.${stack}.yaml is not there`)).toBe(stack !== "dev");
      expect(kept()).toEqual(before);
    },
  );

  test.each(["SIGINT", "SIGTERM"] as const)(
    "leaves nothing of a preview that %s stops, and says so",
    async (signal) => {
      const before = kept();
      const preview = clone.start(["preview", "prod"], { detached: true });
      await preview.says("all is shown as new");
      process.kill(-preview.pid, signal);
      const { exitCode, output } = await preview.done;
      expect(output).toMatch(
        /Interrupted while previewing prod\. Nothing was changed\.\n {2}way out: npm run preview -- prod/,
      );
      expect(exitCode).toBe(130);
      expect(kept()).toEqual(before);
    },
  );

  test("previews a stack that has a state by that state, whose passphrase it needs, and writes nothing", async () => {
    const passphrase = { PULUMI_CONFIG_PASSPHRASE: "one of the operator's" };
    const made = await clone.shell(`set -e
      source <(node toolchain/start.mjs env dev)
      unset PULUMI_CONFIG_PASSPHRASE_FILE PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER
      export PULUMI_CONFIG_PASSPHRASE="${passphrase.PULUMI_CONFIG_PASSPHRASE}"
      pulumi stack init prod --no-select
      pulumi stack export --stack prod |
        node -e 'const state = JSON.parse(require("fs").readFileSync(0, "utf8"));
          const type = "pulumi:pulumi:Stack";
          state.deployment.resources = [{ urn: "urn:pulumi:prod::tms-llm::" + type + "::tms-llm-prod", custom: false, type }];
          console.log(JSON.stringify(state))' |
        pulumi stack import --stack prod`);
    expect(made.exitCode, made.output).toBe(0);
    const before = kept();
    const without = await clone.run(["preview", "prod"]);
    expect([without.exitCode, without.output]).toEqual([1, expect.stringContaining("passphrase must be set")]);
    const with_ = await clone.run(["preview", "prod"], { env: passphrase });
    expect(with_.exitCode, with_.output).toBe(0);
    expect(with_.output).toMatch(/^ +1 unchanged$/m);
    expect(kept()).toEqual(before);
  });

  test("typing pulumi up does not get past the example's values either", async () => {
    const { exitCode, output } = await clone.shell(`source <(node toolchain/start.mjs env dev)
      unset PULUMI_CONFIG_PASSPHRASE_FILE PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER
      export PULUMI_CONFIG_PASSPHRASE="one of the operator's"
      pulumi up --yes --skip-preview --stack prod`);
    expect(exitCode, output).not.toBe(0);
    expect(output).toContain("target.host is the example's address 203.0.113.10: put your host's");
    expect(output).not.toContain("host-preflight");
  });
});

/** Path and checksum of each file below a folder, or of those that lie in it. */
function contents(folder: string, recursive = true): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive, encoding: "utf8" })
    .sort()
    .filter((name) => statSync(join(folder, name)).isFile())
    .map(
      (name) =>
        `${name} ${createHash("sha256")
          .update(readFileSync(join(folder, name)))
          .digest("hex")}`,
    );
}
