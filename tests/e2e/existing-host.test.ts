import { cpSync, writeFileSync } from "node:fs";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { Clone, PATIENT, type StartOptions } from "../harness/clone";
import { prepareMaterial } from "../harness/deployment";
import { OCCUPY, OUR_DATA, ownSite } from "../harness/occupied-host";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";
import { SshAgent } from "../harness/ssh-agent";
import { addresses, openSsh, SUDOER } from "../harness/ssh-host";
import { ONE_ATTEMPT } from "../harness/one-attempt";

/** A host behind a bastion, where one logs in by an agent and not as root, that served others before: from `up --yes` to `destroy --yes --purge`, each test going on where the last stopped. */
describe.skipIf(DOCKER_MISSING)(
  "an existing host, with stand-in plugins and a local build of Ollama in the place of the official ones (needs Docker)",
  () => {
    let clone: Clone;
    let host: BareHost;
    let bastion: BareHost;
    let before: Snapshot;

    let keyFiles: readonly string[];
    let agent: SshAgent | undefined;

    const operator = () => ({ ...agent!.environment, PULUMI_CONFIG_PASSPHRASE: "of the operator's own" });
    const run = (args: readonly string[], options: StartOptions = {}) =>
      clone.run(args, { env: operator(), ...options });

    beforeAll(async () => {
      const { image } = await prepareMaterial();
      [clone, host, bastion] = await Promise.all([Clone.make(), BareHost.start(image), BareHost.start(image)]);
      const model = await clone.passForOfficial();
      const access = { ...(await openSsh(host, clone, SUDOER)), bastion: await openSsh(bastion, clone) };
      keyFiles = [access.privateKeyFile, access.bastion.privateKeyFile];
      agent = await SshAgent.start(...keyFiles);
      const { machine } = await addresses(host);
      // Whoever limits logins is locked out for a while by the first `up`; what becomes of the rule is seen in the steps.
      await host.shell(`set -e; ${OCCUPY}; ufw allow 22/tcp`);
      await execa("openssl", ["req", ...SELF_SIGNED], { cwd: clone.folder });
      clone.configure(
        {
          ...PATIENT,
          target: {
            kind: "ssh",
            ...access,
            privateKeyFile: undefined,
            bastion: { ...access.bastion, privateKeyFile: undefined },
          },
          models: [model],
          access: { allow: [machine] },
          gateway: { tls: { mode: "files", certificate: "own.pem", privateKey: "own.key" } },
        },
        "own",
      );
      before = await takeSnapshot(host);
    });
    afterAll(() => Promise.all([clone.remove(), host.remove(), bastion.remove(), agent?.stop()]));
    beforeEach(({ onTestFailed }) => {
      onTestFailed(async () => console.error(clone.console.slice(-8000), await host.journal()));
    });

    it("is not touched where nobody is there to consent", async () => {
      const { exitCode, output } = await run(["up", "own"]);
      expect(output).toBe(
        "own is an existing host, and nobody is here to confirm the changes\n  way out: npm run preview -- own shows them; npm run up -- own --yes makes them\n",
      );
      expect(exitCode).toBe(4);
      expect(differences(before, await takeSnapshot(host), "identical")).toEqual([]);
    });

    it("becomes an endpoint with the operator's own certificate, and goes on serving what it served", async () => {
      const { exitCode, output } = await run(["up", "own", "--yes"]);
      expect(exitCode, output).toBe(0);
      expect(output).toContain("Smoke test: pass");
      expect(output).toContain("Endpoint   https://llm.internal/v1\n");
      expect(await ownSite(host)).toBe("mine");
      const { address } = await addresses(host);
      const shown = await execa("openssl", ["s_client", "-connect", `${address}:443`, "-servername", "llm.internal"], {
        input: "",
      });
      const given = await execa("openssl", ["x509", "-in", clone.path("own.pem")]);
      expect(shown.stdout).toContain(given.stdout);
    });

    it("was spoken to through the bastion alone", async () => {
      const logins = await host.shell(
        "journalctl --quiet --output cat --grep '^Accepted' | awk '{ print $6 }' | sort -u",
      );
      expect(logins).toBe((await addresses(bastion)).address);
    });

    it("is not changed by a second up, in a session with another agent", ONE_ATTEMPT, async () => {
      const deployed = await takeSnapshot(host);
      const next = await SshAgent.start(...keyFiles);
      await agent!.stop();
      agent = next;
      const { exitCode, output } = await run(["up", "own", "--yes"]);
      expect(exitCode, output).toBe(0);
      expect(output).toMatch(/^\s+\d+ unchanged$/m);
      expect(differences(deployed, await takeSnapshot(host), "identical")).toEqual([]);
    });

    it.each([
      ["says no", "n\r"],
      ["leaves the question with Ctrl-C", "\u0003"],
    ])("is not changed where the person at the terminal %s", async (_, keys) => {
      const deployed = await takeSnapshot(host);
      const up = clone.startInTerminal(["up", "own"], { env: operator() });
      await up.says("like this? [y/N]");
      up.type(keys);
      const { exitCode, output } = await up.done;
      expect(output).toMatch(/Nothing was changed on \S+: the question was not answered with yes\.\r\n/);
      expect(output).not.toContain("Endpoint");
      expect(exitCode).toBe(1);
      expect(differences(deployed, await takeSnapshot(host), "identical")).toEqual([]);
    });

    it("is shown with its repair where it drifted, before the person at the terminal is asked", async () => {
      await host.shell("echo '# by hand' >>/etc/nginx/conf.d/tms-llm.conf");
      const up = clone.startInTerminal(["up", "own"], { env: operator() });
      await up.says("like this? [y/N]");
      up.type("n\r");
      const { exitCode, output } = await up.done;
      expect(output).toContain("drifted in");
      expect(output).toMatch(/phase-gateway[^]*\+-2 to replace/);
      expect(exitCode).toBe(1);
    });

    it("keeps its keys, and the stack file says so, where the person at the terminal says no to a rotation", async () => {
      const [deployed, written] = [await takeSnapshot(host), clone.read("Pulumi.own.yaml")];
      const rotate = clone.startInTerminal(["keys", "rotate", "tms", "--stack", "own"], { env: operator() });
      await rotate.says("like this? [y/N]");
      expect(clone.read("Pulumi.own.yaml")).toMatch(/b: 2/);
      rotate.type("n\r");
      const { exitCode, output } = await rotate.done;
      expect(output).toContain("Nothing was changed on the host, and Pulumi.own.yaml is as before");
      expect(exitCode).toBe(1);
      expect(clone.read("Pulumi.own.yaml")).toBe(written);
      expect(differences(deployed, await takeSnapshot(host), "identical")).toEqual([]);
    });

    it("goes on from its backup in another clone, where Pulumi's state has another passphrase", async () => {
      const backup = clone.start(["backup", "own", "--to", "own.age"], { env: operator() });
      backup.type("six words of an operator's own\n");
      expect((await backup.done).exitCode).toBe(0);
      const other = await Clone.make();
      try {
        await other.passForOfficial();
        for (const file of ["own.age", "own.pem", "own.key"]) cpSync(clone.path(file), other.path(file));
        const env = { ...operator(), PULUMI_CONFIG_PASSPHRASE: "of another operator's own" };
        const restore = other.start(["restore", "own", "--from", "own.age"], { env });
        restore.type("six words of an operator's own\n");
        const { exitCode, output } = await restore.done;
        expect(exitCode, output).toBe(0);
        const up = await other.run(["up", "own", "--yes"], { env });
        expect(up.exitCode, up.output).toBe(0);
        expect(other.read(".tms-llm/own/tms.key")).toBe(clone.read(".tms-llm/own/tms.key"));
      } finally {
        await other.remove();
      }
    });

    it("is kept from a second deployment, which is told who holds it", async () => {
      const other = await Clone.make();
      try {
        clone.copyStack("own", other);
        await other.passForOfficial();
        const deployed = await takeSnapshot(host);
        const { exitCode, output } = await other.run(["up", "own", "--yes"], {
          env: operator(),
        });
        expect(output).toMatch(
          /this host belongs to another tms-llm deployment: stack own \(\w{12}\), since \d{4}-\d\d-\d\d \d\d:\d\d UTC\n +way out: destroy that one first/,
        );
        expect(output).toMatch(/ {2}help: {4}npm run report -- own collects what a maintainer needs[^\n]*\n$/);
        expect(exitCode).toBe(1);
        expect(differences(deployed, await takeSnapshot(host), "reapplied")).toEqual([]);
      } finally {
        await other.remove();
      }
    });

    it("refuses a revoked key even where the person at the terminal says no to the deployment that follows", async () => {
      const revoke = clone.startInTerminal(["keys", "revoke", "tms", "--stack", "own"], { env: operator() });
      await revoke.says("like this? [y/N]");
      revoke.type("n\r");
      const { exitCode, output } = await revoke.done;
      expect(output).toContain("The host refuses tms/a/1, and Pulumi.own.yaml has the change.");
      expect(exitCode).toBe(1);
      expect(clone.read("Pulumi.own.yaml")).toMatch(/a: 2/);
      const list = await run(["keys", "list", "--stack", "own"]);
      expect(list.output).not.toMatch(/tms +│ a +│ 1 /);
    });

    it("is not destroyed by a stack file that names another host by now", async () => {
      const [deployed, written] = [await takeSnapshot(host), clone.read("Pulumi.own.yaml")];
      const { address } = await addresses(host);
      writeFileSync(clone.path("Pulumi.own.yaml"), written.replace(`host: ${address}`, "host: 192.0.2.7"));
      const { exitCode, output } = await run(["destroy", "own", "--yes"]);
      writeFileSync(clone.path("Pulumi.own.yaml"), written);
      expect(output).toContain(`own was last deployed to ${address}:22, and its stack file names 192.0.2.7:22.`);
      expect(exitCode).toBe(4);
      expect(differences(deployed, await takeSnapshot(host), "identical")).toEqual([]);
    });

    it("is as before after a destroy with --purge", async () => {
      const { exitCode, output } = await run(["destroy", "own", "--yes", "--purge"]);
      expect(exitCode, output).toBe(0);
      const left = differences(before, await takeSnapshot(host), "equivalent");
      expect(left.filter((line) => !OUR_DATA.test(line))).toEqual([]);
      expect(await ownSite(host)).toBe("mine");
    });
  },
);

const SELF_SIGNED = [
  ...["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"],
  ...["-subj", "/CN=llm.internal", "-addext", "subjectAltName=DNS:llm.internal"],
  ...["-keyout", "own.key", "-out", "own.pem"],
];
