import { createReadStream, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ArtifactIndex } from "../../plan/artifacts";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { Clone, PATIENT } from "../harness/clone";
import { prepareMaterial } from "../harness/deployment";
import { ONE_ATTEMPT } from "../harness/one-attempt";
import { addresses, openSsh } from "../harness/ssh-host";

/** A host of one's own that has a way out; each test goes on where the one before stopped. */
describe.skipIf(DOCKER_MISSING)(
  "a host that reaches a mirror of Ollama, with stand-in plugins and a local build of Ollama on the mirror (needs Docker)",
  () => {
    const requests: string[] = [];
    let clone: Clone;
    let host: BareHost;
    let mirror: Server;

    const run = (...args: string[]) => clone.run(args, { env: { PULUMI_CONFIG_PASSPHRASE: "of the operator's own" } });
    const up = async () => {
      const { exitCode, output } = await run("up", "own", "--yes");
      expect(exitCode, output).toBe(0);
      return output;
    };

    beforeAll(async () => {
      const { image } = await prepareMaterial();
      [clone, host] = await Promise.all([Clone.make(), BareHost.start(image)]);
      const model = await clone.passForOfficial();
      const { machine } = await addresses(host);
      const index = JSON.parse(clone.read(".tms-llm", "artifacts.json")) as ArtifactIndex;
      const { path } = Object.entries(index).find(([key]) => key.startsWith("ollama-"))![1];
      mirror = createServer((request, response) => {
        requests.push(`${request.method!} ${request.url!}`);
        response.setHeader("content-length", statSync(path).size);
        if (request.method === "HEAD") response.end();
        else createReadStream(path).pipe(response);
      });
      await new Promise<void>((listening) => mirror.listen(0, machine, listening));
      clone.configure(
        {
          ...PATIENT,
          target: { kind: "ssh", ...(await openSsh(host, clone)) },
          models: [model],
          access: { allow: [machine] },
          mirrors: { ollama: `http://${machine}:${(mirror.address() as AddressInfo).port}` },
        },
        "own",
      );
    });
    afterAll(async () => {
      mirror.close();
      await Promise.all([clone.remove(), host.remove()]);
    });
    beforeEach(({ onTestFailed }) => {
      onTestFailed(async () => console.error(clone.console.slice(-8000), await host.journal()));
    });

    it("downloads the archive by itself, and is sent none", async () => {
      const output = await up();
      expect(output).toMatch(/download http:\/\/.*\/v0\.17\.4\/ollama-linux-\w+\.tar\.zst/);
      expect(output).not.toMatch(/ollama-[0-9a-f]{12}/);
      expect(requests.filter((request) => request.startsWith("GET"))).toHaveLength(1);
    });

    it("downloads nothing more, and shows no change in a preview", ONE_ATTEMPT, async () => {
      requests.length = 0;
      expect((await run("preview", "own")).output).toMatch(/^\s+\d+ unchanged$/m);
      expect(await up()).toMatch(/^\s+\d+ unchanged$/m);
      expect(requests).toEqual([]);
    });

    it("takes another setting when it is cut off from the mirror, as it has the archive", async () => {
      await new Promise((closed) => mirror.close(closed));
      clone.configure({ engine: { kind: "ollama", keepAlive: "1h" } }, "own");
      expect(await up()).not.toContain("is sent from this machine");
    });
  },
);
