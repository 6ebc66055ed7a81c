import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cutServer, type CutServerOptions } from "../../harness/cut-server";

/** How a host fetches an artifact by itself: the library's own bash, with curl, from a server that cuts connections. */

const LIB = join(__dirname, "../../../templates/lib");
const content = randomBytes(300_000);
const sha256 = createHash("sha256").update(content).digest("hex");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "artifact-"));
  mkdirSync(join(folder, "incoming"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const part = () => join(folder, "incoming", `${sha256}.part`);

/** What `artifact it` prints, and says. */
async function artifact(url: string, before = ""): Promise<{ failed: boolean; stdout: string; stderr: string }> {
  writeFileSync(join(folder, "artifacts.tsv"), `it\t${sha256}\t${url}\n`);
  const script = [
    "set -euo pipefail; shopt -s inherit_errexit",
    `LIB=${LIB} VERB=apply STEP=test PHASE=test STATE=${folder} RUN_DIR=${folder} STEP_DIR=${folder}`,
    `exec {JOURNAL}>&2; source ${LIB}/report.sh; source ${LIB}/files.sh; INCOMING=${folder}/incoming`,
    before,
    "path=$(artifact it)",
    'echo "$path"',
  ].join("\n");
  const { failed, stdout, stderr } = await execa("bash", ["-c", script], { reject: false });
  return { failed, stdout, stderr };
}

async function fetched(options: Omit<CutServerOptions, "content" | "before">) {
  const server = await cutServer({ content, before: 100_000, ...options });
  const said = await artifact(server.url);
  await server.close();
  return { said, ranges: server.requests.map((request) => request.split(" ")[0]) };
}

const whole = () => readFileSync(join(folder, "incoming", sha256)).equals(content);

describe("an artifact that the host fetches", () => {
  test("goes on where the connection ended", async () => {
    const { said, ranges } = await fetched({ cuts: ["closed", "closed"] });
    expect(said).toMatchObject({ failed: false, stdout: join(folder, "incoming", sha256) });
    expect(ranges).toEqual(["-", "bytes=100000-", "bytes=200000-"]);
    expect(whole()).toBe(true);
  });

  test("goes on from what a killed run has left", async () => {
    writeFileSync(part(), content.subarray(0, 250_000));
    expect((await fetched({ cuts: [] })).ranges).toEqual(["bytes=250000-"]);
    expect(whole()).toBe(true);
  });

  test("is taken as it is where a killed run had all of it", async () => {
    writeFileSync(part(), content);
    expect((await fetched({ cuts: [] })).said.failed).toBe(false);
    expect(whole()).toBe(true);
  });

  test("begins anew where the server takes no ranges", async () => {
    const { said, ranges } = await fetched({ cuts: ["closed"], ranges: false });
    expect(said.failed, said.stderr).toBe(false);
    expect(ranges).toEqual(["-", "bytes=100000-", "-"]);
    expect(whole()).toBe(true);
  });

  test("asks again where the server is busy", async () => {
    expect((await fetched({ cuts: ["503"] })).said.failed).toBe(false);
    expect(whole()).toBe(true);
  });

  test("fails after three attempts, says what curl said and where another server is named, and keeps what has come", async () => {
    const { said, ranges } = await fetched({ cuts: ["closed", "503", "closed"] });
    expect(said.failed).toBe(true);
    expect(ranges).toHaveLength(3);
    expect(said.stderr).toMatch(/curl: \(18\)[^]*download of it\n {2}why: curl could not fetch http[^]*mirrors\.md/);
    expect(existsSync(part())).toBe(true);
  });

  test("is refused and deleted where it is not the file that the plan names", async () => {
    writeFileSync(part(), randomBytes(10));
    const { said } = await fetched({ cuts: [] });
    expect(said.stderr).toContain("checksum mismatch of it");
    expect(existsSync(join(folder, "incoming", sha256))).toBe(false);
  });
});

test("an artifact that was sent at last leaves nothing of the download that broke off", async () => {
  writeFileSync(join(folder, "incoming", sha256), content);
  writeFileSync(part(), content.subarray(0, 1000));
  const { failed } = await artifact("", "trap 'discard_artifact it' EXIT");
  expect([failed, existsSync(part()), existsSync(join(folder, "incoming", sha256))]).toEqual([false, false, false]);
});

test("an artifact that lies on the host is taken from there, and nobody is asked", async () => {
  writeFileSync(join(folder, "wheel"), content);
  const said = await artifact("http://127.0.0.1:9/", `offer_artifact it ${folder}/wheel`);
  expect(said.failed, said.stderr).toBe(false);
  expect(whole()).toBe(true);
});

test("a file of the host that is another one is not taken", async () => {
  writeFileSync(join(folder, "wheel"), "something else");
  const said = await artifact("http://127.0.0.1:9/", `offer_artifact it ${folder}/wheel`);
  expect(said.stderr).toContain("checksum mismatch of it");
});

describe("an artifact on a page of a package index", () => {
  const FILE = "uv-0.13.8-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl";

  /** A mirror that keeps its files where no other does. */
  async function index(page: string) {
    const server = createServer((request, response) => {
      if (request.url === "/simple/uv/") return void response.setHeader("content-type", "text/html").end(page);
      if (request.url === `/files/ab/${FILE}`) return void response.end(content);
      response.writeHead(404).end();
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const said = await artifact(`http://127.0.0.1:${(server.address() as AddressInfo).port}/simple/uv/#${FILE}`);
    server.close();
    return said;
  }

  test.each([
    ["beside the page", `<a href="../../files/ab/${FILE}#sha256=${"0".repeat(64)}">${FILE}</a>`],
    ["at a path of the server", `<a data-requires-python="&gt;=3.8" href='/files/ab/${FILE}'>${FILE}</a>`],
  ])("is found %s", async (_, link) => {
    const said = await index(`<html><body><a href="/files/ab/uv-0.13.7.whl">no</a>\n${link}</body></html>`);
    expect(said.failed, said.stderr).toBe(false);
    expect(whole()).toBe(true);
  });

  test("is missed by name where the page does not have it", async () => {
    expect((await index("<html></html>")).stderr).toMatch(
      /the index page http.*\/simple\/uv\/ does not lead to the file of the plan/,
    );
  });
});
