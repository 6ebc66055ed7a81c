import { createHash } from "node:crypto";
import { chmodSync, chownSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { Clone, type Run } from "../harness/clone";
import { prepareMaterial } from "../harness/deployment";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";
import { openSsh, type SshAccess } from "../harness/ssh-host";

const USER_NOBODY = 65534;

/** What `up` says where it cannot go on, and that it has changed nothing then. */
describe.skipIf(DOCKER_MISSING)(
  "a host that cannot be had, with stand-in plugins in the place of the official ones (needs Docker)",
  () => {
    let clone: Clone;
    let host: BareHost;
    let access: SshAccess;
    let model: Readonly<Record<string, unknown>>;
    let before: Snapshot;

    beforeAll(async () => {
      const { image } = await prepareMaterial();
      [clone, host] = await Promise.all([Clone.make(), BareHost.start(image, ["--publish=127.0.0.1::22"])]);
      model = await clone.passForOfficial();
      access = await openSsh(host, clone);
      await host.shell(`set -e
        useradd --create-home ops
        install -d -o ops -m 0700 ~ops/.ssh && install -o ops -m 0600 /run/login.pub ~ops/.ssh/authorized_keys
        systemctl stop systemd-logind; systemctl mask systemd-logind`);
      before = await takeSnapshot(host);
    });
    afterAll(() => Promise.all([clone.remove(), host.remove()]));

    async function up(changes: Record<string, unknown>): Promise<Run> {
      const base = { target: { kind: "ssh", ...access }, models: [model], access: { allow: ["192.0.2.0/24"] } };
      clone.configure({ ...base, ...changes }, "bad");
      return clone.run(["up", "bad", "--yes"], { env: { PULUMI_CONFIG_PASSPHRASE: "of the operator's own" } });
    }

    /** What was said, without what differs from run to run. */
    const said = ({ output }: Run) =>
      `\n${output
        .replaceAll(access.host, "HOST")
        .replaceAll(clone.folder, "CLONE")
        .replaceAll(/SHA256:\S+/g, "SHA256:…")}`;

    const untouched = async () => expect(differences(before, await takeSnapshot(host), "identical")).toEqual([]);

    it("shows another host key: it is not spoken to", async () => {
      const hostKey = `${access.hostKey.slice(0, -4)}AAAA`;
      const run = await up({ target: { kind: "ssh", ...access, hostKey } });
      expect(said(run)).toMatchInlineSnapshot(`
        "
        root@HOST:22 shows another host key than the one in the stack file.
          found:   SHA256:…
          pinned:  SHA256:…
          way out: find out why before anything else: somebody may have put another machine there. If the host was made anew, compare with its console (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub) and correct target.hostKey
          help:    npm run report -- bad collects what a maintainer needs, without secrets; it asks before it writes, and sends nothing
        "
      `);
      expect(run.exitCode).toBe(3);
      await untouched();
    });

    it("lies behind a bastion that shows another host key: nothing is sent through it", async () => {
      const bastion = { ...access, hostKey: `${access.hostKey.slice(0, -4)}AAAA` };
      const run = await up({ target: { kind: "ssh", ...access, bastion } });
      expect(run.output).toMatch(/shows another host key than .* correct target\.bastion\.hostKey/s);
      expect(run.exitCode).toBe(3);
      await untouched();
    });

    it("cannot be reached from its bastion", async () => {
      const run = await up({ target: { kind: "ssh", ...access, port: 2222, bastion: access } });
      expect(said(run)).toMatchInlineSnapshot(`
        "
        root@HOST:2222 cannot be reached: the bastion has no way to it: (SSH) Channel open failure: Connection refused.
          way out: check that the host is up and that sshd runs on it; target.host and target.port are those that the bastion sees
          help:    npm run report -- bad collects what a maintainer needs, without secrets; it asks before it writes, and sends nothing
        "
      `);
      expect(run.exitCode).toBe(3);
      await untouched();
    });

    it("has no sshd on that port", async () => {
      const run = await up({ target: { kind: "ssh", ...access, port: 2222 } });
      expect(said(run)).toMatchInlineSnapshot(`
        "
        root@HOST:2222 cannot be reached: nothing listens on that port.
          way out: start sshd on the host, or correct target.host or target.port
          help:    npm run report -- bad collects what a maintainer needs, without secrets; it asks before it writes, and sends nothing
        "
      `);
      expect(run.exitCode).toBe(3);
      await untouched();
    });

    it("does not take our key", async () => {
      const run = await up({ target: { kind: "ssh", ...access, user: "daemon" } });
      expect(said(run)).toMatchInlineSnapshot(`
        "
        daemon@HOST:22 does not accept our key.
          way out: add its public key to daemon's authorized_keys on the host, or correct target.user or target.privateKeyFile
          help:    npm run report -- bad collects what a maintainer needs, without secrets; it asks before it writes, and sends nothing
        "
      `);
      expect(run.exitCode).toBe(3);
      await untouched();
    });

    it("is to be reached with a key that is not there", async () => {
      const run = await up({ target: { kind: "ssh", ...access, privateKeyFile: "none.key" } });
      expect(said(run)).toMatchInlineSnapshot(`
        "
        none.key does not exist.
          why: the stack file names it
          way out: correct the path, which is relative to the project's folder, or the file's mode
        "
      `);
      expect(run.exitCode).toBe(4);
    });

    it("is to be reached with a key that is a folder", async () => {
      const run = await up({ target: { kind: "ssh", ...access, privateKeyFile: "tests" } });
      expect(said(run)).toContain("tests cannot be read (EISDIR).");
      expect(run.exitCode).toBe(4);
    });

    it("is to be reached with a key that has a passphrase", async () => {
      const key = await host.shell("ssh-keygen -q -t ed25519 -N secret -f /run/locked; cat /run/locked");
      writeFileSync(clone.path("locked.key"), `${key}\n`, { mode: 0o600 });
      const run = await up({ target: { kind: "ssh", ...access, privateKeyFile: "locked.key" } });
      expect(said(run)).toMatchInlineSnapshot(`
        "
        The private key in target.privateKeyFile has a passphrase.
          way out: load it into an SSH agent (ssh-add FILE) and leave target.privateKeyFile out
          help:    npm run report -- bad collects what a maintainer needs, without secrets; it asks before it writes, and sends nothing
        "
      `);
      expect(run.exitCode).toBe(3);
    });

    it("gives the user no root rights", async () => {
      const run = await up({ target: { kind: "ssh", ...access, user: "ops" } });
      expect(said(run)).toMatchInlineSnapshot(`
        "
        The SSH user ops may not become root on the host without a password. Nothing was changed on it.
          way out: on the host, as root: echo 'ops ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ops && chmod 0440 /etc/sudoers.d/ops; or set target.user to root
          help:    npm run report -- bad collects what a maintainer needs, without secrets; it asks before it writes, and sends nothing
        "
      `);
      expect(run.exitCode).toBe(3);
      await untouched();
    });

    it("is reached by a forwarded port: the firewall would open that one, and close sshd's", async () => {
      const { stdout } = await execa("docker", ["port", host.name, "22/tcp"]);
      const [address, port] = stdout.split(":") as [string, string];
      const run = await up({ target: { kind: "ssh", ...access, host: address, port: Number(port) } });
      expect(said(run).replaceAll(port, "FORWARDED")).toMatchInlineSnapshot(`
        "
        The host is not ready: 1 thing stands in the way. Nothing was changed on it.

        sshd does not listen on port FORWARDED of the host, which the firewall would keep open for it (ssh-port)
          found:   nothing on port FORWARDED, sshd on port 22
          needed:  the port of sshd on the host itself: with another one open, nobody could log in any more
          way out: where target.port is forwarded to the host, set target.sshdPort to sshd's own port, 22

        After that: npm run up -- bad
          help:    npm run report -- bad collects what a maintainer needs, without secrets; it asks before it writes, and sends nothing
        "
      `);
      expect(run.exitCode).toBe(1);
      await untouched();
    });

    it("has both ports taken by others", async () => {
      await host.shell(`for port in 443 11434; do
        systemd-run --quiet --unit="other-$port" python3 -m http.server "$port"
        until ss -Hltn "sport = :$port" | grep -q .; do sleep 0.05; done
      done`);
      const taken = await takeSnapshot(host);
      const run = await up({});
      expect(said(run)).toMatchInlineSnapshot(`
        "
        The host is not ready: 2 things stand in the way. Nothing was changed on it.

        Port 443 is taken (port-taken)
          found:   python3 (other-443.service) listens on 0.0.0.0:443
          needed:  port 443 (gateway.port) free for nginx.service
          way out: set another gateway.port, or stop what holds it (on the host: systemctl disable --now other-443.service)

        Port 11434 is taken (port-taken)
          found:   python3 (other-11434.service) listens on 0.0.0.0:11434
          needed:  port 11434 (engine.port) free for tms-ollama.service
          way out: set another engine.port, or stop what holds it (on the host: systemctl disable --now other-11434.service)

        After that: npm run up -- bad
          help:    npm run report -- bad collects what a maintainer needs, without secrets; it asks before it writes, and sends nothing
        "
      `);
      expect(run.exitCode).toBe(1);
      expect(differences(taken, await takeSnapshot(host), "identical")).toEqual([]);
      await host.shell("systemctl stop other-443 other-11434");
    });

    it("would get a model that is not the one in the stack file", async () => {
      writeFileSync(clone.path("model.gguf"), "something else");
      const sha256 = createHash("sha256").update("the model").digest("hex");
      const run = await up({ models: [{ ...model, source: "file:model.gguf", sha256 }] });
      expect(said(run)).toMatchInlineSnapshot(`
        "
        model.gguf is not the file that it should be (weights).
          found:  SHA-256 f41f3fa625ff120ddca7ef456bf66371ecea23c129f4e4c32367101edb516cf8
          needed: SHA-256 36cc7e3d6f6200756c81e18470827e9dac1c602fcd87761cbb0b8f015611c098

        Nothing was changed on the host.
          way out: correct the file or the stack file (\`sha256sum FILE\` prints a checksum); what this project made itself, delete: it is made anew; then npm run up -- bad again
        "
      `);
      expect(run.exitCode).toBe(4);
      await untouched();
    });

    it("has too little memory and too small a disk: both are told at once", async () => {
      const { image } = await prepareMaterial();
      const small = await BareHost.start(image, ["--memory=1g", "--memory-swap=1g", "--tmpfs=/opt:size=64m"]);
      try {
        const there = await openSsh(small, clone);
        const bare = await takeSnapshot(small);
        const run = await up({
          target: { kind: "ssh", ...there },
          models: [{ ...model, memory: "2GiB" }],
        });
        expect(said(run).replaceAll(there.host, "HOST")).toMatchInlineSnapshot(`
          "
          The host is not ready: 2 things stand in the way. Nothing was changed on it.

          The models need 2.5 GiB of memory, the host has 1 GiB (memory)
            found:   1 GiB, the limit of a control group; swap does not count
            needed:  2.5 GiB, of which 512 MiB for the system and the engine itself
            way out: choose a smaller quantization or context, fewer models, less engine.parallel, or a host with more memory; models of 512 MiB together fit

          The disk at /opt has too little room (disk)
            found:   64 MiB free of 64 MiB
            needed:  5 GiB for /opt
            way out: free some space, mount a larger disk at /opt, or choose smaller models

          After that: npm run up -- bad
            help:    npm run report -- bad collects what a maintainer needs, without secrets; it asks before it writes, and sends nothing
          "
        `);
        expect(run.exitCode).toBe(1);
        expect(differences(bare, await takeSnapshot(small), "identical")).toEqual([]);
      } finally {
        await small.remove();
      }
    });
  },
);

describe.skipIf(DOCKER_MISSING)("a machine without a Docker daemon to use (needs Docker)", () => {
  let clone: Clone;
  beforeAll(async () => {
    clone = await Clone.make();
  });
  afterAll(() => clone.remove());

  const said = ({ output }: Run) => `\n${output.replaceAll(clone.folder, "CLONE")}`;

  it("nothing answers at DOCKER_HOST", async () => {
    const run = await clone.run(["up"], { env: { DOCKER_HOST: `unix://${clone.path("none.sock")}` } });
    expect(said(run)).toMatchInlineSnapshot(`
      "
      The sandbox needs Docker, and nothing answers where DOCKER_HOST says.
        Why: no daemon at unix://CLONE/none.sock
        Way out: Start that daemon, or unset DOCKER_HOST to use this machine's own; then run the command again.
      "
    `);
    expect(run.exitCode).toBe(3);
    expect(clone.sandbox()).toBeUndefined();
  });

  it("the daemon's socket is closed to this user", async () => {
    const socket = clone.path("closed.sock");
    const server = await listening(socket);
    chownSync(socket, USER_NOBODY, USER_NOBODY);
    chmodSync(socket, 0o600);
    // Root, but without the right to open what belongs to others: as any other user.
    const run = await clone.shell(
      `DOCKER_HOST=unix://${socket} exec setpriv --bounding-set=-dac_override,-dac_read_search node toolchain/start.mjs up`,
    );
    server.close();
    expect(said(run)).toMatchInlineSnapshot(`
      "
      The sandbox needs Docker, and its daemon refuses this user.
        Why: no permission to open the daemon's socket (CLONE/closed.sock)
        Way out: Run \`sudo usermod -aG docker $USER\`, log in anew, then run the command again.
      "
    `);
    expect(run.exitCode).toBe(3);
    expect(clone.sandbox()).toBeUndefined();
  });
});

function listening(socket: string): Promise<Server> {
  const server = createServer((connection) => connection.destroy());
  return new Promise((resolve) => server.listen(socket, () => resolve(server)));
}
