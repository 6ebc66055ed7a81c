import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { copyToRemote } from "../../../../toolchain/stand-ins/command/copy-to-remote";
import { remoteCommand } from "../../../../toolchain/stand-ins/command/remote";
import { normalisedConnection } from "../../../../toolchain/stand-ins/command/connection";
import { secret, type Properties } from "../../../../toolchain/stand-ins/protocol/values";
import { startSshServer, type SshServer } from "./ssh-server";

let server: SshServer;
let folder: string;
beforeAll(async () => {
  server = await startSshServer();
  folder = mkdtempSync(join(tmpdir(), "copy-"));
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

const context = (signal = new AbortController().signal) => ({ urn: "", name: "cmd", signal, report: () => undefined });
const connection = (changes: Properties = {}) =>
  normalisedConnection({ ...server.connection, dialErrorLimit: 0, ...changes });
const run = (create: string, changes: Properties = {}) =>
  remoteCommand.create({ connection: connection(), create, ...changes }, context());

describe("remote.Command", () => {
  it("sends stdin and keeps both streams", async () => {
    const made = await run("cat; echo e >&2", { stdin: secret("한글\n") });
    expect(made.outputs).toMatchObject({ stdout: "한글", stderr: "e", stdin: secret("한글\n") });
  });

  it("loses the end of no command, however short", async () => {
    const runs = Array.from({ length: 20 }, async () => run("true"));
    await expect(Promise.all(runs)).resolves.toHaveLength(20);
  });

  it("fails in the official plugin's words", async () => {
    await expect(run("echo out; exit 3", { stdin: "SECRET" })).rejects.toThrow(
      'Process exited with status 3: running "echo out; exit 3":\nout\n',
    );
    await expect(run("kill -9 $$")).rejects.toThrow('Process exited with status 137 from signal KILL: running "kill');
  });

  it("refuses a server with another key than the pinned one", async () => {
    const wrong = run("true", { connection: connection({ hostKey: server.otherPublicKey }) });
    await expect(wrong).rejects.toThrow("after 1 failed attempts: ssh: handshake failed: ssh: host key mismatch");
  });

  it("tells a bad key at once, without dialing and without printing it", async () => {
    const bad = run("true", { connection: connection({ privateKey: "LEAK", dialErrorLimit: -1 }) });
    await expect(bad).rejects.toThrow(/^connection\.privateKey is not a usable private key: (?!.*LEAK)/);
  });

  it("dials again as often as dialErrorLimit allows", async () => {
    const refused = run("true", { connection: connection({ port: 1, dialErrorLimit: 1 }) });
    await expect(refused).rejects.toThrow("after 2 failed attempts: connect ECONNREFUSED");
  });

  it("drops the line when the user interrupts", async () => {
    const controller = new AbortController();
    const interrupted = { ...context(controller.signal), report: () => controller.abort() };
    const running = remoteCommand.create({ connection: connection(), create: "echo here; sleep 30" }, interrupted);
    await expect(running).rejects.toThrow("without exit status");
  });
});

describe("remote.CopyToRemote", () => {
  const source = (path: string) => ({
    "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17",
    path,
    hash: createHash("sha256").update(readFileSync(path)).digest("hex"),
  });

  it("copies on a change of the content or of the path, and not for another host", async () => {
    const file = join(folder, "file");
    const remotePath = join(folder, "new", "deep", "copy");
    writeFileSync(file, "one");
    const inputs = { connection: connection(), source: source(file), remotePath };
    const made = await copyToRemote.create(inputs, context());
    expect(made.id).toMatch(/^[0-9a-f]{8}$/);
    expect(readFileSync(remotePath, "utf8")).toBe("one");

    const elsewhere = { ...inputs, connection: connection({ port: 1 }) };
    await expect(copyToRemote.update?.(elsewhere, made.outputs, context())).resolves.toEqual(elsewhere);

    writeFileSync(file, "second");
    await copyToRemote.update?.({ ...inputs, source: source(file) }, made.outputs, context());
    expect(readFileSync(remotePath, "utf8")).toBe("second");
  });
});
