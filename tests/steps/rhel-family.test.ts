import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { checkHost, deploy, plannedSteps, prepareMaterial, removeAll, stackConfig } from "../harness/deployment";
import { FORMER_MODEL, formerOllama, formerStore, handMade } from "../harness/former-engine";
import { becomeOracleLinux, EVERY_HOST, makeRpms, rpmTools } from "../harness/rpms";
import { enforceSelinux, keptBySelinux } from "../harness/selinux";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";

const PORT = 8444;
const ENV_FILE = "/srv/app/.env";

/** What rpm knows of the host; the programs themselves are Debian's. */
const THERE = ["nginx", "firewalld", "nftables", "openssl", "policycoreutils-python-utils"];
/** What dnf brings: names alone. */
const TO_COME = ["curl-minimal", "ca-certificates", "logrotate", "zstd"];

const CONFIG = {
  models: [
    { name: "kanana", source: FORMER_MODEL, context: 2048 },
    { name: "vectors", source: "builtin:tiny", context: 2048, role: "embedding" },
  ],
  existing: { ollama: "adopt", kanana: "adopt" },
  gateway: { port: PORT },
  network: { hosts: { "mirror.internal": "10.20.0.5" } },
  clients: { tms: { a: 1, application: { onHost: { path: ENV_FILE, owner: "app:app" } } } },
};

/** What a removal leaves on purpose: models and cache of ours, now root's. */
const OUR_DATA = /^path \/opt\/llm(\/(models|cache)(\/.*)?)?: was absent, is . root:root /;

/** Each test goes on where the last one stopped. */
describe.skipIf(DOCKER_MISSING)(
  "a whole deployment on a Debian host that calls itself Oracle Linux 8, set up by hand before: real dnf, rpm, firewalld, semanage, nginx and Ollama; the packages are names made for the test, the kernel that enforces SELinux is a fake, the former vLLM is a sleeping process (needs Docker)",
  () => {
    let host: BareHost;
    let steps: readonly Step[];
    let before: Snapshot;
    let store: string;

    beforeAll(async () => {
      const material = await prepareMaterial();
      host = await BareHost.start(material.image);
      await rpmTools(host, "firewalld");
      await enforceSelinux(host);
      await handMade(host);
      await formerOllama(host, material, "0755");
      store = await formerStore(host);
      await host.shell(`set -e
        useradd --system --home-dir /srv/app --shell /usr/sbin/nologin app
        mkdir /srv/app && chown app:app /srv/app
        until firewall-cmd -q --state; do sleep 0.2; done`);
      const made = (name: string) => ({
        name,
        version: "1",
        ...(name === "curl-minimal" ? { provides: "/usr/bin/curl" } : {}),
      });
      await makeRpms(host, "/srv/host", [...EVERY_HOST, ...[...THERE, ...TO_COME].map(made)]);
      await becomeOracleLinux(host, "/srv/host", THERE.join(" "));
      steps = plannedSteps(material, stackConfig(CONFIG));
      before = await takeSnapshot(host);
    });
    afterAll(() => host.remove());

    const state = (unit: string) =>
      host.shell(`systemctl is-enabled ${unit} || true; systemctl is-active ${unit} || true`);

    test("stands in the place of what was there, by the family's own means, once", async () => {
      const first = await deploy(host, steps);
      expect(first.filter(({ changed }) => changed === 0)).toEqual([]);
      expect(await state("ollama kanana-llm tms-ollama")).toBe(
        "disabled\ndisabled\nenabled\ninactive\ninactive\nactive",
      );
      expect(await host.shell(`awk '$3 == "package" { print $4 }' /var/lib/tms-llm/ledger | sort | xargs`)).toBe(
        TO_COME.toSorted().join(" "),
      );
      expect(await host.shell("nft list table inet firewalld | grep -c tms-llm")).toMatch(/^[1-9]/);
      expect(await host.shell("command -v ufw || echo none")).toBe("none");
      expect(await keptBySelinux(host, "ports.local")).toContain(`tcp ${PORT} `);
      expect(await checkHost(host)).toEqual([]);
      expect((await deploy(host, steps)).filter(({ changed }) => changed > 0)).toEqual([]);
    });

    test("answers with either model, to the application that was given its key, while its own site is served on", async () => {
      const ask = (path: string, body: string) =>
        host.shell(`su app -s /bin/bash -c 'set -a; . ${ENV_FILE}; curl --silent --cacert $NODE_EXTRA_CA_CERTS \
          --header "Authorization: Bearer $LLM_API_KEY" --json "$1" $LLM_BASE_URL/${path}' -- sh '${body}'`);
      expect(
        await ask(
          "chat/completions",
          '{"model":"kanana","max_tokens":4,"messages":[{"role":"user","content":"ping"}]}',
        ),
      ).toContain('"choices"');
      expect(await ask("embeddings", '{"model":"vectors","input":"ping"}')).toContain('"embedding"');
      expect(await host.shell("curl --silent --header 'Host: sqltms.info' http://127.0.0.1/")).toBe("the application");
    });

    test("goes, and everything is as it was: services, models, site, firewall, SELinux, packages", async () => {
      await removeAll(host);
      expect(await state("ollama kanana-llm")).toBe("enabled\nenabled\nactive\nactive");
      expect(await formerStore(host)).toBe(store);
      const left = differences(before, await takeSnapshot(host), "equivalent");
      expect(left.filter((line) => !OUR_DATA.test(line) && !/\/(var\/lib|etc)\/selinux/.test(line))).toEqual([]);
      for (const file of ["booleans.local", "ports.local", "file_contexts.local"])
        expect(await keptBySelinux(host, file), file).toBe("");
      expect(await host.shell("nft list ruleset")).not.toContain("tms-llm");
    });
  },
);
