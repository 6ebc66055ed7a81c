import { utils } from "ssh2";
import { afterEach, describe, expect, test } from "vitest";
import { dial } from "../../../smoke/ssh-dial";
import { runInSession } from "../../../smoke/ssh-session";
import { startSshServer, type SshServer } from "../toolchain/stand-ins/ssh-server";

const rsaKey = () => utils.generateKeyPairSync("rsa", { bits: 2048 });
const withoutComment = (publicKey: string) => publicKey.split(" ").slice(0, 2).join(" ");

describe("a host that has an RSA key alone", () => {
  let server: SshServer;
  afterEach(() => server.close());

  test("is reached where that key is pinned, and signs as OpenSSH 8.8 and newer do", async () => {
    server = await startSshServer(rsaKey());
    const client = await dial({ ...server.connection, hostKey: withoutComment(server.connection.hostKey) });
    client.end();
    expect(server.signatures).toEqual(["rsa-sha2-512"]);
  });

  test("is refused where another is", async () => {
    server = await startSshServer(rsaKey());
    const dialled = dial({ ...server.connection, hostKey: withoutComment(rsaKey().public) });
    await expect(dialled).rejects.toThrow(/[Hh]ost (key|denied)/);
  });
});

test("what a login script prints is not taken for the command's words", async () => {
  const server = await startSshServer(undefined, "echo Welcome; echo '{'");
  try {
    const said = await runInSession(await dial(server.connection), "echo '{}'; echo problem >&2; exit 3");
    expect(said).toEqual({ code: 3, stdout: "{}\n", stderr: "problem\n" });
    const lines: string[] = [];
    await runInSession(await dial(server.connection), "echo one; echo two", { onLine: (line) => lines.push(line) });
    expect(lines).toEqual(["Welcome", "{", "one", "two"]);
  } finally {
    server.close();
  }
});
