import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OLLAMA_RELEASES } from "../../../plan/catalog/ollama";
import { isDebianLike, osRelease } from "../../../toolchain/debian";
import { absenceError, docker } from "../../../toolchain/docker";
import { ollama } from "../../../toolchain/ollama";
import { checksumIn, ollamaChecksum, ollamaRelease } from "../../../toolchain/ollama-release";
import { wantedPlugins } from "../../../toolchain/plugins";
import { isSuitable } from "../../../toolchain/pulumi-cli";
import { sandboxImageTag } from "../../../toolchain/sandbox-image";
import { STAND_INS } from "../../../toolchain/stand-ins/build";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "tms-llm-test-"))));
afterEach(() => {
  rmSync(folder, { recursive: true });
  vi.unstubAllEnvs();
});

describe("the Pulumi CLI on PATH", () => {
  it.each([
    ["v3.250.0", true],
    ["3.251.3", true],
    ["v3.249.9", false],
    ["v4.0.0", false],
    ["unknown command", false],
  ])("%s: suitable %s", (version, suitable) => {
    expect(isSuitable(version)).toBe(suitable);
  });
});

describe("provider plugins", () => {
  it("there is a stand-in for every plugin that Pulumi will look for, in its version", () => {
    const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
    expect([...STAND_INS].sort(byName)).toEqual(wantedPlugins().sort(byName));
  });
});

describe("Docker", () => {
  it("is found where DOCKER_HOST says", async () => {
    const socket = join(folder, "docker.sock");
    const daemon = createServer((_, response) => response.end('{"Version":"20.10.24"}'));
    await new Promise<void>((resolve) => daemon.listen(socket, resolve));
    vi.stubEnv("DOCKER_HOST", `unix://${socket}`);
    expect(await docker.find()).toEqual({ host: `unix://${socket}`, version: "20.10.24" });
    await new Promise((resolve) => daemon.close(resolve));
    expect(await docker.find()).toBeUndefined();
  });

  it("tells a missing permission from a daemon that does not run", () => {
    vi.stubEnv("DOCKER_HOST", "unix:///run/docker.sock");
    expect(absenceError("no permission").message).toMatchInlineSnapshot(`
      "The sandbox needs Docker, and its daemon refuses this user.
        Why: no permission to open the daemon's socket (/run/docker.sock)
        Way out: Run \`sudo usermod -aG docker $USER\`, log in anew, then run the command again."
    `);
    expect(absenceError("not running").message).toMatchInlineSnapshot(`
      "The sandbox needs Docker, and nothing answers where DOCKER_HOST says.
        Why: no daemon at unix:///run/docker.sock
        Way out: Start that daemon, or unset DOCKER_HOST to use this machine's own; then run the command again."
    `);
  });
});

describe("Ollama's archive", () => {
  const anOtherHost = (architecture: string) => ollama({ version: "0.17.7", architecture, allowLocalBuild: false });

  it("is the one for the host, where that has another architecture than this machine", async () => {
    vi.stubEnv("XDG_CACHE_HOME", folder);
    const other = process.arch === "x64" ? "arm64" : "amd64";
    const place = join(folder, "tms-llm", "artifacts", `ollama-0.17.7-linux-${other}`, "official");
    mkdirSync(place, { recursive: true });
    const archive = join(place, `ollama-0.17.7-linux-${other}.tar.zst`);
    writeFileSync(archive, "");
    writeFileSync(`${archive}.sha256`, "0".repeat(64));
    expect(await anOtherHost(other).plan()).toEqual({ how: "from this machine's cache", seconds: 1 });
  });

  it("is not needed where the host downloads it: a checksum is, and the catalogue has it", async () => {
    const checksum = ollamaChecksum({ version: "0.17.7", architecture: "amd64" });
    expect(await checksum.find()).toBe(OLLAMA_RELEASES["0.17.7"]!.archives.amd64.sha256);
  });

  it("has its checksum from the list of a mirror, where the catalogue has none", async () => {
    const mirror = `folder:${folder}`;
    await expect(ollamaChecksum({ version: "0.17.7", architecture: "arm64", mirror }).plan()).resolves.toMatchObject({
      how: expect.stringContaining("/v0.17.7/sha256sum.txt") as string,
    });
  });

  it("is refused for an architecture that its publisher does not serve", () => {
    expect(() => anOtherHost("ppc64el")).toThrowErrorMatchingInlineSnapshot(`
      [ToolchainError: Ollama 0.17.7 cannot be delivered.
        Why: its publisher has it for amd64 and arm64, and not for ppc64el
        Way out: Use another machine.]
    `);
  });
});

describe("the system", () => {
  it.each([
    ['ID=debian\nVERSION_CODENAME="bookworm"\n', true],
    ["ID=ubuntu\nID_LIKE=debian\n", true],
    ['ID="linuxmint"\nID_LIKE="ubuntu debian"\n', true],
    ['ID="fedora"\n', false],
  ])("%j has apt: %s", (text, expected) => {
    const file = join(folder, "os-release");
    writeFileSync(file, text);
    expect(isDebianLike(osRelease(file))).toBe(expected);
  });

  it("without a release file is none that has apt", () => {
    expect(isDebianLike(osRelease(join(folder, "missing")))).toBe(false);
  });
});

describe("releases of Ollama", () => {
  const digest = "a".repeat(64);

  it("are looked up in the publisher's list by file name", () => {
    const list = `${"b".repeat(64)}  ./ollama-darwin.tgz\n${digest}  ./ollama-linux-amd64.tar.zst\n`;
    expect(checksumIn(list, "ollama-linux-amd64.tar.zst")).toBe(digest);
    expect(checksumIn(list, "ollama-linux-amd64.tar")).toBeUndefined();
  });

  it("that the catalogue does not have are refused with those that it has", () => {
    expect(ollamaRelease("0.17.4").module).toBe("github.com/ollama/ollama@v0.17.4");
    expect(() => ollamaRelease("9.9.9")).toThrow("the release catalogue has only 0.17.4, 0.17.7");
  });
});

describe("the sandbox image", () => {
  it("is named by its recipe", () => {
    expect(sandboxImageTag()).toMatch(/^tms-llm-sandbox:[0-9a-f]{12}$/);
  });
});
