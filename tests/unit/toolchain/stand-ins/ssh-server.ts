import { spawn } from "node:child_process";
import { mkdir, open, stat, type FileHandle } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { Server, utils, type Session, type SFTPWrapper } from "ssh2";
import { newSshKeyPair, type SshKeyPair } from "../../../../toolchain/ssh-key";

export interface SshServer {
  readonly connection: { host: string; port: number; user: string; privateKey: string; hostKey: string };
  /** How it signed with its key, for each client that came. */
  readonly signatures: readonly string[];
  /** A public key that is not the server's. */
  readonly otherPublicKey: string;
  close(): void;
}

/** A small real SSH server on loopback: it runs commands with /bin/sh and takes files by SFTP, as this user. */
export async function startSshServer(host: SshKeyPair = newSshKeyPair(), loginScript = ""): Promise<SshServer> {
  const client = newSshKeyPair();
  const allowed = utils.parseKey(client.public);
  if (allowed instanceof Error) throw allowed;
  const signatures: string[] = [];
  const server = new Server({ hostKeys: [host.private] }, (connection) => {
    connection.on("handshake", ({ serverHostKey }) => signatures.push(serverHostKey));
    // Missing in the type, there in the class; without it each of the many short messages may wait 40 ms.
    (connection as unknown as { setNoDelay(on: boolean): void }).setNoDelay(true);
    connection.on("error", () => undefined);
    connection.on("authentication", (login) => {
      if (login.method !== "publickey" || !login.key.data.equals(allowed.getPublicSSH())) login.reject(["publickey"]);
      else if (login.signature && !allowed.verify(login.blob ?? Buffer.alloc(0), login.signature, login.hashAlgo)) {
        login.reject();
      } else login.accept();
    });
    connection.on("session", (accept) => serveSession(accept(), loginScript));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    connection: { host: "127.0.0.1", port, user: "root", privateKey: client.private, hostKey: host.public },
    signatures,
    otherPublicKey: client.public,
    close: () => void server.close(),
  };
}

function serveSession(session: Session, loginScript: string): void {
  session.on("exec", (accept, _reject, { command }) => {
    const channel = accept();
    const child = spawn("/bin/sh", ["-c", `${loginScript}\n${command}`]);
    channel.pipe(child.stdin);
    child.stdin.on("error", () => undefined);
    child.stdout.pipe(channel, { end: false });
    child.stderr.pipe(channel.stderr, { end: false });
    channel.on("close", () => void child.kill());
    child.on("close", (code, signal) => {
      if (signal === null) channel.exit(code ?? 0);
      else channel.exit(signal.replace(/^SIG/, ""), false, "");
      channel.end();
    });
  });
  session.on("sftp", (accept) => serveFiles(accept()));
}

/** As much of SFTP as one upload needs. */
function serveFiles(sftp: SFTPWrapper): void {
  const { OK, NO_SUCH_FILE, FAILURE } = utils.sftp.STATUS_CODE;
  const files = new Map<number, FileHandle>();
  const answer = (id: number, work: Promise<unknown>): void => {
    work.then(
      () => sftp.status(id, OK),
      () => sftp.status(id, FAILURE),
    );
  };
  sftp.on("STAT", (id, path) => {
    stat(path).then(
      ({ mode, uid, gid, size }) => sftp.attrs(id, { mode, uid, gid, size, atime: 0, mtime: 0 }),
      () => sftp.status(id, NO_SUCH_FILE),
    );
  });
  sftp.on("MKDIR", (id, path) => answer(id, mkdir(path)));
  sftp.on("OPEN", (id, path) => {
    void open(path, "w").then((file) => {
      files.set(file.fd, file);
      const handle = Buffer.alloc(4);
      handle.writeUInt32BE(file.fd);
      sftp.handle(id, handle);
    });
  });
  const fileOf = (handle: Buffer): FileHandle => {
    const file = files.get(handle.readUInt32BE());
    if (file === undefined) throw new Error("unknown handle");
    return file;
  };
  sftp.on("WRITE", (id, handle, offset, data) => answer(id, fileOf(handle).write(data, 0, data.length, offset)));
  sftp.on("FSETSTAT", (id) => sftp.status(id, OK));
  sftp.on("CLOSE", (id, handle) => answer(id, fileOf(handle).close()));
}
