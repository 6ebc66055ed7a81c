import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Difference } from "../../plan/drift";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { checkHost, deploy, plannedSteps, prepareMaterial, removeAll, stackConfig } from "../harness/deployment";
import { FORMER_MODEL, formerOllama, formerStore, handMade } from "../harness/former-engine";
import {
  ENGINE_IMPOSSIBLE,
  engineMounts,
  engineStack,
  mountOptions,
  prepareEngine,
  stackSteps,
} from "../harness/python-engine";
import { becomeOracleLinux, EVERY_HOST, makeRpms, rpmTools } from "../harness/rpms";
import { enforceSelinux, haveServiceDomain, keptBySelinux, mayConnect } from "../harness/selinux";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";

const PORT = 8444;
const ENV_FILE = "/srv/app/.env";

/** What rpm knows of the host; the programs themselves are Debian's. */
const THERE = ["python3", "nginx", "firewalld", "nftables", "openssl", "policycoreutils-python-utils"];
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

/** One model behind Transformers, and plain HTTP. */
const TRANSFORMERS = engineStack("transformers");

/** nginx under the name of RHEL's family; there is no www-data then. */
const NGINX_IS_NGINX = `set -e
  systemctl stop nginx
  groupmod --new-name nginx www-data
  usermod --login nginx www-data
  sed -i 's/^user .*/user nginx;/' /etc/nginx/nginx.conf
  systemctl start nginx`;

/** What a removal leaves on purpose: models and cache of ours, now root's. */
const OUR_DATA = /^path \/opt\/llm(\/(models|cache)(\/.*)?)?: was absent, is . root:root /;

/** Each test goes on where the last one stopped. */
describe.skipIf(DOCKER_MISSING || ENGINE_IMPOSSIBLE)(
  "two whole deployments on a Debian host that calls itself Oracle Linux 8, set up by hand before: real dnf, rpm, firewalld, semanage, semodule, nginx, Ollama and Transformers; the packages are names made for the test, the kernel that enforces SELinux and the domain of services in Debian's policy are fakes, the former vLLM is a sleeping process (needs Docker on x86_64)",
  () => {
    let host: BareHost;
    let steps: readonly Step[];
    let before: Snapshot;
    let store: string;
    let transformers: readonly Step[];

    beforeAll(async () => {
      const [material, engine] = [await prepareMaterial(), await prepareEngine("transformers")];
      host = await BareHost.start(material.image, mountOptions(engineMounts(engine, TRANSFORMERS)));
      await rpmTools(host, "firewalld setools");
      await enforceSelinux(host);
      await haveServiceDomain(host);
      await handMade(host);
      await host.shell(NGINX_IS_NGINX);
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
      transformers = stackSteps(engine, {
        ...TRANSFORMERS,
        access: { ...TRANSFORMERS.access, firewall: "firewalld" },
      });
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

    /** Takes everything back, and expects the host as it was. */
    async function expectGone(): Promise<void> {
      await removeAll(host);
      expect(await state("ollama kanana-llm")).toBe("enabled\nenabled\nactive\nactive");
      expect(await formerStore(host)).toBe(store);
      const left = differences(before, await takeSnapshot(host), "equivalent");
      expect(left.filter((line) => !OUR_DATA.test(line) && !/\/(var\/lib|etc)\/selinux/.test(line))).toEqual([]);
      for (const file of ["booleans.local", "ports.local", "file_contexts.local"])
        expect(await keptBySelinux(host, file), file).toBe("");
      expect(await host.shell("nft list ruleset")).not.toContain("tms-llm");
    }

    test("goes, and everything is as it was: services, models, site, firewall, SELinux, packages", expectGone);

    const ask = () =>
      host.shell(`curl --silent --max-time 60 --header 'Authorization: Bearer ${"clienttmsa".padEnd(43, "0")}' \
        --json '{"model":"tiny","max_tokens":4,"messages":[{"role":"user","content":"ping"}]}' http://127.0.0.1:8080/v1/chat/completions`);

    test("Transformers: nginx is let to its socket, by a group and by a module of the policy, and to nothing else", async () => {
      expect(await host.shell("getent group www-data || echo none")).toBe("none");
      expect(await mayConnect(host, "unconfined_service_t")).toBe("");
      const first = await deploy(host, transformers);
      expect(first.filter(({ changed }) => changed === 0)).toEqual([]);
      expect(await host.shell("getent group www-data | cut -d: -f4")).toBe("nginx");
      expect(await mayConnect(host, "unconfined_service_t")).toBe(
        "allow httpd_t unconfined_service_t:unix_stream_socket connectto;",
      );
      expect(await keptBySelinux(host, "booleans.local")).toBe("");
      expect(await keptBySelinux(host, "file_contexts.local")).toMatchInlineSnapshot(`
        "/opt/llm/logs(/.*)? system_u:object_r:var_log_t:s0
        /opt/llm/transformers/([^/]+|python/[^/]+)/bin(/.*)? system_u:object_r:bin_t:s0
        /opt/llm/health-check[.]sh system_u:object_r:bin_t:s0"
      `);
      expect(await host.shell("matchpathcon -n /run/httpd-llm-transformers | cut -d: -f3")).toMatch(
        /^httpd_(runtime|var_run)_t$/,
      );
      expect(await ask()).toContain('"choices"');
      expect(await checkHost(host)).toEqual([]);
      expect((await deploy(host, transformers)).filter(({ changed }) => changed > 0)).toEqual([]);
    });

    test("Transformers: finds what keeps nginx from it, and repairs it", async () => {
      await host.shell("semodule --disable tms_llm_engine; gpasswd --delete nginx www-data; systemctl restart nginx");
      expect(await ask()).not.toContain('"choices"');
      expect(await mayConnect(host, "unconfined_service_t")).toBe("");
      const told = ({ what, found }: Difference) => `${what}: ${found}`;
      expect((await checkHost(host)).map(told).sort()).toEqual([
        "SELinux module tms_llm_engine: switched off",
        "user nginx: not in it",
      ]);
      await deploy(host, transformers);
      expect(await mayConnect(host, "unconfined_service_t")).toContain("connectto");
      expect(await ask()).toContain('"choices"');
      expect(await checkHost(host)).toEqual([]);
    });

    test("Transformers: goes, and everything is as it was", async () => {
      await expectGone();
      expect(await host.shell("semodule --list-modules | grep tms_llm || echo none")).toBe("none");
      expect(await mayConnect(host, "unconfined_service_t")).toBe("");
    });
  },
);
