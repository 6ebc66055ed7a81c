import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hostsStep, proxyVariables } from "../../plan/network";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { anchor, checkHost, plannedSteps, prepareMaterial, removeAll, runPhase } from "../harness/deployment";
import { addresses } from "../harness/ssh-host";

const PROXY_PORT = 8888;

describe.skipIf(DOCKER_MISSING)("the host's way out (needs Docker)", () => {
  let host: BareHost;
  let server: BareHost;

  beforeAll(async () => {
    const { image } = await prepareMaterial();
    [host, server] = await Promise.all([BareHost.start(image), BareHost.start(image)]);
    await anchor(host);
  });
  afterAll(() => Promise.all([host.remove(), server.remove()]));

  describe("names in /etc/hosts", () => {
    const tell = (hosts: Record<string, string>) =>
      runPhase(
        host,
        "base",
        [hostsStep({ noProxy: [], hosts })].filter((step) => step !== undefined),
      );
    const known = (name: string) => host.shell(`getent hosts ${name} | awk '{ print $1 }'`);
    let before: string;

    test("are known to the host, once", async () => {
      before = await host.shell("cat /etc/hosts");
      expect((await tell({ "mirror.internal": "10.20.0.5", "six.internal": "fd00::5" }))[0]!.changed).toBe(2);
      expect(await known("mirror.internal")).toBe("10.20.0.5");
      expect(await known("six.internal")).toBe("fd00::5");
      expect((await tell({ "mirror.internal": "10.20.0.5", "six.internal": "fd00::5" }))[0]!.changed).toBe(0);
      expect(await host.shell("cat /etc/hosts")).toBe(
        `${before}\n10.20.0.5\tmirror.internal # tms-llm\nfd00::5\tsix.internal # tms-llm`,
      );
    });

    test("are looked for", async () => {
      await host.shell(
        "sed -i.bak '/six/d' /etc/hosts 2>/dev/null || { grep -v six /etc/hosts >/run/hosts; cat /run/hosts >/etc/hosts; }",
      );
      expect((await checkHost(host)).map(({ what, expected, found }) => `${what}: ${expected}, ${found}`)).toEqual([
        "/etc/hosts: six.internal is fd00::5, no such line",
      ]);
    });

    test("change and go with the stack file, and leave other lines alone", async () => {
      await tell({ "mirror.internal": "10.20.0.6" });
      expect(await known("mirror.internal")).toBe("10.20.0.6");
      expect(await known("six.internal")).toBe("");
      await tell({});
      expect(await host.shell("cat /etc/hosts")).toBe(before);
    });

    test("are refused where another line says otherwise", async () => {
      await host.shell("echo '10.9.9.9 other mirror.internal # by hand' >>/etc/hosts");
      await expect(tell({ "mirror.internal": "10.20.0.5" })).rejects.toThrow(
        /mirror\.internal is 10\.9\.9\.9 there already, by a line that is not ours\n {2}way out: take that line out/,
      );
      await host.shell("grep -v 'by hand' /etc/hosts >/run/hosts; cat /run/hosts >/etc/hosts");
    });

    test("survive a write that was killed in the middle", async () => {
      await tell({ "mirror.internal": "10.20.0.5" });
      // As it is between the first and the last byte: the new text is kept, and the file is empty.
      await host.shell(
        "mkdir -p /var/lib/tms-llm/pending && cp /etc/hosts /var/lib/tms-llm/pending/hosts && : >/etc/hosts",
      );
      await tell({});
      expect(await host.shell("cat /etc/hosts")).toBe(before);
    });
  });

  describe("a proxy", () => {
    let account: ReturnType<typeof plannedSteps>;
    let proxied: (port: number) => Promise<unknown>;

    beforeAll(async () => {
      const { address } = await addresses(server);
      await server.shell(`set -e
        export DEBIAN_FRONTEND=noninteractive
        apt-get -qq update && apt-get -qq install --no-install-recommends tinyproxy >/dev/null
        printf 'Port ${PROXY_PORT}\\nLogLevel Connect\\nSyslog On\\n' >/etc/tinyproxy/tinyproxy.conf
        systemctl restart tinyproxy
        until ss -Hltn sport = :${PROXY_PORT} | grep -q .; do sleep 0.05; done`);
      account = plannedSteps(await prepareMaterial()).filter(({ name }) => name === "account");
      proxied = (port) =>
        runPhase(host, "base", account, proxyVariables({ proxy: `http://${address}:${port}`, noProxy: [], hosts: {} }));
      // What lies in apt's cache is not downloaded.
      await host.shell("apt-get clean");
    });

    test("that is not there is named in the failure", async () => {
      await expect(proxied(1)).rejects.toThrow(/:1\b/);
    });

    test("that is not there leaves other packages free to start their services", async () => {
      expect((await host.ask("test -e /usr/sbin/policy-rc.d")).exitCode).toBe(1);
    });

    test("brings the packages, and the host's other work does not know of it", async () => {
      await proxied(PROXY_PORT);
      expect(await server.shell("journalctl --quiet --output cat --unit tinyproxy | grep -c 'Request.*GET'")).toMatch(
        /^[1-9]/,
      );
      expect(await host.shell("env | grep -ci proxy || true; grep -rli tinyproxy /etc 2>/dev/null | wc -l")).toBe(
        "0\n0",
      );
    });

    test("leaves no trace", async () => {
      await removeAll(host);
      expect(await host.shell(`grep -rl ':${PROXY_PORT}' /etc /var/lib/tms-llm 2>/dev/null | wc -l`)).toBe("0");
    });
  });
});
