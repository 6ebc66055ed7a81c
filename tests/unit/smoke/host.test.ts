import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { lookIntoHost } from "../../../smoke/host";
import { startSshServer, type SshServer } from "../toolchain/stand-ins/ssh-server";

// The host is this machine itself, reached over SSH.
describe("a look into a host over SSH", () => {
  const folder = mkdtempSync(join(tmpdir(), "tms-llm-look-"));
  let server: SshServer;

  beforeAll(async () => {
    server = await startSshServer();
    writeFileSync(join(folder, "key"), server.connection.privateKey, { mode: 0o600 });
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  afterEach(() => void vi.unstubAllEnvs());

  const look = (words: readonly string[], port = server.connection.port) =>
    lookIntoHost(
      {
        kind: "ssh",
        host: "127.0.0.1",
        port,
        user: server.connection.user,
        hostKey: server.connection.hostKey,
        privateKeyFile: join(folder, "key"),
        gatewayPort: 443,
        enginePorts: [],
      },
      words,
    );

  /** Lets a command answer otherwise on the host. */
  const standIn = (name: string, script: string) => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    vi.stubEnv("PATH", `${folder}:${process.env["PATH"]!}`);
  };

  test("has what the command says, and its exit code", async () => {
    standIn("id", "echo 0");
    const said = await look(["sh", "-c", 'echo "it\'s"; echo so >&2; exit 3']);
    expect(said).toEqual({ exitCode: 3, stdout: "it's\n", stderr: "so\n" });
  });

  test("measures nothing where the user may not become root, with stand-ins for id and sudo", async () => {
    standIn("id", "echo 1000");
    standIn("sudo", "exit 1");
    await expect(look(["true"])).rejects.toThrow(/needs root or passwordless sudo/);
  });

  test("measures nothing where the line is cut before the command has ended", async () => {
    standIn("id", "echo 0");
    const sockets: Socket[] = [];
    const line = createServer((socket) => {
      const onward = connect(server.connection.port, "127.0.0.1");
      sockets.push(socket, onward);
      for (const end of [socket, onward]) end.on("error", () => undefined);
      socket.pipe(onward).pipe(socket);
    });
    await new Promise<void>((resolve) => line.listen(0, "127.0.0.1", resolve));
    const { port } = line.address() as AddressInfo;
    const begun = join(folder, "begun");
    const cut = look(["sh", "-c", `touch ${begun}; exec sleep 30`], port);
    const failed = expect(cut).rejects.toThrow(`the SSH session with root@127.0.0.1:${port} broke off`);
    await expect.poll(() => existsSync(begun)).toBe(true);
    for (const socket of sockets) socket.destroy();
    await failed;
    line.close();
  });
});
