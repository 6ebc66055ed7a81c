import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { utils } from "ssh2";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Docker } from "../../../toolchain/docker";
import { ensureSandboxSettings, readSandboxSettings, sandboxSettingsFile } from "../../../toolchain/sandbox-settings";

let folder: string;
let daemon: Server;
let docker: Docker;
/** What the daemon answers to `GET /networks`. */
let networks: { IPAM: { Config: { Subnet: string }[] } }[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tms-llm-test-"));
  networks = [];
  daemon = createServer((_, response) => response.end(JSON.stringify(networks)));
  const socket = join(folder, "docker.sock");
  await new Promise<void>((resolve) => daemon.listen(socket, resolve));
  docker = { host: `unix://${socket}`, version: "test" };
});

afterEach(async () => {
  await new Promise((resolve) => daemon.close(resolve));
  rmSync(folder, { recursive: true });
});

const ensure = () => ensureSandboxSettings("dev", docker, folder);

describe("ensureSandboxSettings", () => {
  it("keeps what it has chosen", async () => {
    const first = await ensure();
    expect(await ensure()).toEqual(first);
    expect(readSandboxSettings("dev", folder)).toEqual(first);
  });

  it("makes keys that SSH reads and only this user can read", async () => {
    const settings = await ensure();
    for (const [file, publicKey] of [
      [settings.sshPrivateKeyFile, settings.sshPublicKey],
      [settings.hostPrivateKeyFile, settings.hostPublicKey],
    ] as const) {
      expect((statSync(file).mode & 0o777).toString(8)).toBe("600");
      const parsed = utils.parseKey(readFileSync(file));
      if (parsed instanceof Error) throw parsed;
      expect(`ssh-ed25519 ${parsed.getPublicSSH().toString("base64")}`).toBe(publicKey);
    }
    expect((statSync(sandboxSettingsFile("dev", folder)).mode & 0o777).toString(8)).toBe("600");
    expect(settings.sshPublicKey).not.toBe(settings.hostPublicKey);
  });

  it("chooses other ports and networks when others have taken them and the sandbox does not exist", async () => {
    const first = await ensure();
    const taker = createTcpServer().listen(first.sshPort, "127.0.0.1");
    await new Promise((resolve) => taker.once("listening", resolve));
    networks = [{ IPAM: { Config: [{ Subnet: first.subnet4.replace("/24", "/25") }] } }];

    const second = await ensure();

    await new Promise((resolve) => taker.close(resolve));
    expect(second.sshPort).not.toBe(first.sshPort);
    expect(second.subnet4).not.toBe(first.subnet4);
    expect(second).toMatchObject({
      id: first.id,
      sshPublicKey: first.sshPublicKey,
      hostPublicKey: first.hostPublicKey,
    });
  });

  it("changes nothing while the sandbox exists, which is who holds its ports", async () => {
    const first = await ensure();
    networks = [{ IPAM: { Config: [{ Subnet: first.subnet4 }] } }];
    const sandbox = createTcpServer().listen(first.sshPort, "127.0.0.1");
    await new Promise((resolve) => sandbox.once("listening", resolve));

    const second = await ensure();

    await new Promise((resolve) => sandbox.close(resolve));
    expect(second).toEqual(first);
  });

  it("says what is wrong with a damaged file", async () => {
    const settings = await ensure();
    writeFileSync(sandboxSettingsFile("dev", folder), JSON.stringify({ ...settings, id: "x", sshPort: "22" }));
    await expect(ensure()).rejects.toThrow(/id: .*; sshPort: .*\n {2}Way out: Remove the sandbox/);
  });
});
