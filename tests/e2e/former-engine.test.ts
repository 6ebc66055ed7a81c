import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { Clone, PATIENT } from "../harness/clone";
import { prepareMaterial } from "../harness/deployment";
import { FORMER_MODEL, formerOllama, formerStore } from "../harness/former-engine";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";
import { addresses, openSsh } from "../harness/ssh-host";

/** A host that serves models by an Ollama of its own; each test goes on where the last one stopped. */
describe.skipIf(DOCKER_MISSING)(
  "a host with an Ollama of its own, with stand-in plugins and a local build of Ollama in the place of the official ones (needs Docker)",
  () => {
    let clone: Clone;
    let host: BareHost;
    let before: Snapshot;
    let store: string;

    const run = (...args: string[]) => clone.run(args, { env: { PULUMI_CONFIG_PASSPHRASE: "of the operator's own" } });

    beforeAll(async () => {
      const material = await prepareMaterial();
      [clone, host] = await Promise.all([Clone.make(), BareHost.start(material.image)]);
      const { sha256 } = await clone.passForOfficial();
      const access = await openSsh(host, clone);
      await formerOllama(host, material, "0755");
      const { machine } = await addresses(host);
      clone.configure(
        {
          ...PATIENT,
          target: { kind: "ssh", ...access },
          models: [{ name: "kanana-1.5-8b", source: FORMER_MODEL, sha256, context: 2048 }],
          access: { allow: [machine] },
        },
        "own",
      );
      before = await takeSnapshot(host);
      store = await formerStore(host);
    });
    afterAll(() => Promise.all([clone.remove(), host.remove()]));
    beforeEach(({ onTestFailed }) => {
      onTestFailed(async () => console.error(clone.console.slice(-8000), await host.journal()));
    });

    it("is refused as it is, with the ways out, and not touched", async () => {
      const { exitCode, output } = await run("up", "own", "--yes");
      expect(exitCode, output).toBe(1);
      expect(output).toContain("Another LLM server is set up on the host: ollama.service (foreign-service)");
      expect(output).toContain("set existing.ollama to adopt");
      expect(differences(before, await takeSnapshot(host), "identical")).toEqual([]);
    });

    it("is adopted when the stack file says so: its model is served and proven, nothing is downloaded", async () => {
      clone.configure({ existing: { ollama: "adopt" } }, "own");
      const { exitCode, output } = await run("up", "own", "--yes");
      expect(exitCode, output).toBe(0);
      expect(output).toContain("Smoke test: pass");
      expect(await host.ask("systemctl is-active ollama")).toMatchObject({ stdout: "inactive" });
      expect((await run("drift", "own")).exitCode).toBe(0);
    });

    it("keeps to that as long as the deployment lasts", async () => {
      clone.configure({ existing: { ollama: "leave" }, gateway: { maxBodySize: "8 MiB" } }, "own");
      const { exitCode, output } = await run("up", "own", "--yes");
      expect(exitCode, output).toBe(1);
      expect(output).toContain("set existing.ollama to adopt; npm run destroy brings ollama.service back");
      clone.configure({ existing: { ollama: "adopt" } }, "own");
    });

    it("has its own back after a destroy", async () => {
      const { exitCode, output } = await run("destroy", "own", "--yes", "--purge");
      expect(exitCode, output).toBe(0);
      expect(differences(before, await takeSnapshot(host), "equivalent")).toEqual([]);
      expect(await formerStore(host)).toBe(store);
      expect(await host.shell("systemctl is-active ollama; ollama list")).toMatch(/^active\n[^]*Q4_K_M/);
    });
  },
);
