import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ArtifactIndex } from "../../plan/artifacts";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { Clone, PATIENT } from "../harness/clone";
import { prepareMaterial } from "../harness/deployment";
import { RenumberedReleases } from "../harness/renumbered-release";
import { addresses, openSsh } from "../harness/ssh-host";
import { ONE_ATTEMPT } from "../harness/one-attempt";

const [FORMER, LATER] = ["0.17.4", "0.17.7"] as const;

/** One engine, a later one, and the way back; each test goes on where the one before stopped. */
describe.skipIf(DOCKER_MISSING)(
  "an engine's release that is rolled back, with stand-in plugins, a local build of Ollama, and the same build under the later release's number (needs Docker)",
  () => {
    const releases = new RenumberedReleases();
    let clone: Clone;
    let host: BareHost;
    let unpacked = "";

    const run = (...args: string[]) => clone.run(args, { env: { PULUMI_CONFIG_PASSPHRASE: "of the operator's own" } });
    const up = async () => {
      const { exitCode, output } = await run("up", "own", "--yes");
      expect(exitCode, output).toBe(0);
      return output;
    };
    const binaries = () => host.shell("stat -c '%n %i %Z' /opt/llm/ollama/*/bin/ollama");
    const running = () => host.shell("readlink /proc/$(pgrep -f '[b]in/ollama serve$')/exe");

    /** What Pulumi has sent of Ollama, as its state knows it: checksum and moment. */
    async function sent(): Promise<string[]> {
      const { stdout } = await clone.shell(
        'export PULUMI_CONFIG_PASSPHRASE="of the operator\'s own"; source <(npm run -s env -- own) && pulumi stack export',
      );
      const { deployment } = JSON.parse(stdout) as {
        deployment: { resources: { urn: string; created?: string }[] };
      };
      return deployment.resources.flatMap(({ urn, created }) =>
        urn.includes("CopyToRemote::ollama-") ? [`${urn.split("::").at(-1)!} ${created!}`] : [],
      );
    }

    beforeAll(async () => {
      const { image } = await prepareMaterial();
      [clone, host] = await Promise.all([Clone.make(), BareHost.start(image)]);
      const model = await clone.passForOfficial();
      const { machine } = await addresses(host);
      clone.configure(
        {
          ...PATIENT,
          target: { kind: "ssh", ...(await openSsh(host, clone)) },
          models: [model],
          access: { allow: [machine] },
        },
        "own",
      );
      const index = JSON.parse(clone.read(".tms-llm", "artifacts.json")) as ArtifactIndex;
      const [name, archive] = Object.entries(index).find(([key]) => key.startsWith(`ollama-${FORMER}`))!;
      const later = { ...(await releases.archive(archive.path, FORMER, LATER)), origin: "official" };
      clone.write(JSON.stringify({ ...index, [name.replace(FORMER, LATER)]: later }), ".tms-llm", "artifacts.json");
      await up();
    });
    afterAll(async () => {
      releases.remove();
      await Promise.all([clone.remove(), host.remove()]);
    });
    beforeEach(({ onTestFailed }) => {
      onTestFailed(async () => console.error(clone.console.slice(-8000), await host.journal()));
    });

    it("is not sent again for another setting, whose pause the preview tells", async () => {
      const before = await sent();
      expect(before).toHaveLength(1);
      clone.configure({ engine: { kind: "ollama", keepAlive: "1h" } }, "own");
      expect((await run("preview", "own")).output).toContain("The engine restarts: new requests get 503");
      expect(await up()).toContain("pause: new requests get 503 with Retry-After");
      expect(await sent()).toEqual(before);
    });

    it("stays beside the later one", async () => {
      const former = await binaries();
      clone.configure({ engine: { kind: "ollama", keepAlive: "1h", version: LATER } }, "own");
      expect(await up()).toContain(`unpack Ollama ${LATER}`);
      expect(await running()).toBe(`/opt/llm/ollama/${LATER}/bin/ollama`);
      unpacked = await binaries();
      expect(unpacked.split("\n")).toEqual([former, expect.stringContaining(`/${LATER}/`)]);
    });

    it("comes back without being sent or unpacked again", async () => {
      const { exitCode, output } = await run("rollback", "own", "--yes");
      expect(exitCode, output).toBe(0);
      expect(output).not.toContain("unpack");
      expect(await running()).toBe(`/opt/llm/ollama/${FORMER}/bin/ollama`);
      expect(await binaries()).toBe(unpacked);
      expect(await sent()).toEqual([]);
    });

    it("leaves nothing to do", ONE_ATTEMPT, async () => {
      expect(await up()).toMatch(/^\s+\d+ unchanged$/m);
      expect((await run("drift", "own")).exitCode).toBe(0);
    });

    it("is sent anew where the host has lost it", async () => {
      await host.shell(`rm -r /opt/llm/ollama/${FORMER}`);
      expect(await up()).toContain(`unpack Ollama ${FORMER}`);
      expect(await sent()).toHaveLength(1);
    });
  },
);
