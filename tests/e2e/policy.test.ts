import { readFileSync, writeFileSync } from "node:fs";
import { execa } from "execa";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { RULES } from "../../plan/rules/all";
import { Clone, DOCKER_MISSING } from "../harness/clone";

/** A host that is never asked: previews are by plan and state alone. */
const TARGET = {
  kind: "ssh",
  host: "192.0.2.1",
  hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB",
};

/** Rule → what has to go wrong in the program for Pulumi's engine to find it broken. */
const SPOILED: Readonly<Record<string, readonly [file: string, was: string, is: string]>> = {
  "engine-port-closed": ["templates/ollama/ollama.env", "OLLAMA_HOST=127.0.0.1", "OLLAMA_HOST=0.0.0.0"],
  "encrypted-endpoint": ["plan/render/nginx.ts", '" ssl http2"', '" http2"'],
  "pinned-artifacts": ["plan/engines/engine.ts", 'sha256: sha256 ?? ""', 'sha256: ""'],
  "long-keys": ["plan/keys.ts", "length: 43", "length: 8"],
  "licence-accepted": ["plan/rules/terms.ts", "{ licence_accepted: model.acceptLicence }", "{}"],
  "pinned-host-key": ["components/host.ts", "user, hostKey, ...", "user, ..."],
};

describe.skipIf(DOCKER_MISSING)(
  "policies under Pulumi's engine, with stand-in plugins in the place of the official ones (needs Docker)",
  () => {
    let clone: Clone;
    let restore: (() => void) | undefined;

    beforeAll(async () => {
      clone = await Clone.make();
      const model = await clone.passForOfficial();
      const gemma = { ...model, catalog: "gemma-2-9b:Q4_K_M", acceptLicence: "gemma" };
      clone.configure({ target: TARGET, models: [gemma], access: { allow: ["10.0.0.0/8"] } }, "own");
    });
    afterAll(() => clone.remove());
    beforeEach(({ onTestFailed }) => {
      onTestFailed(() => console.error(clone.console.slice(-8000)));
    });
    afterEach(() => {
      restore?.();
      restore = undefined;
    });

    /** Until the end of the test. */
    function change(file: string, was: string, is: string): void {
      const text = readFileSync(clone.path(file), "utf8");
      expect(text).toContain(was);
      writeFileSync(clone.path(file), text.replace(was, is));
      restore = () => writeFileSync(clone.path(file), text);
    }

    /** Typed directly, so that nothing but the pack stands in the way. */
    const pulumi = (command: string) =>
      clone.shell(
        `export PULUMI_CONFIG_PASSPHRASE=operator; source <(node toolchain/start.mjs env own); pulumi ${command} --stack own --policy-pack policy --color never`,
      );

    it("let the project's own program pass", async () => {
      const { exitCode, output } = await pulumi("preview");
      expect(exitCode, output).toBe(0);
      expect(output).toContain("✅ tms-llm@v0.1.0");
    });

    it.each(RULES)("stop a preview of a program that breaks $id", async ({ id }) => {
      change(...SPOILED[id]!);
      const { exitCode, output } = await pulumi("preview");
      expect(exitCode, output).not.toBe(0);
      expect(output).toContain("❌ tms-llm@v0.1.0");
      expect(output).toContain(`[mandatory]  ${id}`);
    });

    it("stop up before the resource is made, also where only the components are at fault", async () => {
      change(
        "components/sandbox.ts",
        "config.gateway.port),",
        'config.gateway.port).map((port) => ({ ...port, ip: "0.0.0.0" })),',
      );
      const { exitCode, output } = await clone.run(["up"]);
      expect(exitCode).toBe(1);
      expect(output).toContain("[mandatory]  engine-port-closed");
      expect(output).toContain("port 22 published as 0.0.0.0:");
      const made = await execa("docker", ["ps", "--all", "--quiet", "--filter", `name=tms-llm-${clone.sandbox()!.id}`]);
      expect(made.stdout).toBe("");
    });

    it("stop up before Pulumi is asked where the plan is at fault, with every violation at once", async () => {
      clone.configure(
        {
          target: TARGET,
          models: [
            { name: "kanana", source: "ollama:kanana:8b" },
            { name: "qwen", source: "ollama:qwen3:8b" },
          ],
          access: { allow: ["10.0.0.0/8"] },
        },
        "loose",
      );
      const { exitCode, output } = await clone.run(["up", "loose", "--yes"], {
        env: { PULUMI_CONFIG_PASSPHRASE: "operator" },
      });
      expect(exitCode).toBe(4);
      expect(output).toMatchInlineSnapshot(`
        "loose is not deployed like this: it breaks policies in 2 places. Nothing was changed on the host.

        A model is taken by its name, and whoever publishes it can put other weights there. (pinned-artifacts)
          found:   kanana:8b (step model-kanana-efec71)
          needed:  the SHA-256 of its weights
          way out: sha256 beside the model in the stack file: Hugging Face shows it on the page of the GGUF file, Ollama's library in the manifest's layer of type image.model

        A model is taken by its name, and whoever publishes it can put other weights there. (pinned-artifacts)
          found:   qwen3:8b (step model-qwen-67f2d2)
          needed:  the SHA-256 of its weights
          way out: sha256 beside the model in the stack file: Hugging Face shows it on the page of the GGUF file, Ollama's library in the manifest's layer of type image.model

        Every rule is described in docs/operate/policy.md.
        "
      `);
    });
  },
);
