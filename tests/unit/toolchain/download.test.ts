import { createHash, randomBytes } from "node:crypto";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { downloadFile, downloadText } from "../../../toolchain/download";
import { cutServer, type CutServerOptions } from "../../harness/cut-server";

const folder = mkdtempSync(join(tmpdir(), "tms-llm-mirror-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("a mirror that is a folder of this machine", () => {
  const list = join(folder, "sha256sum.txt");
  writeFileSync(list, "카나나\n");
  const sha256 = createHash("sha256").update(readFileSync(list)).digest("hex");

  test("is read like a server", async () => {
    const copy = join(folder, "copy");
    expect(await downloadText(pathToFileURL(list).href)).toBe("카나나\n");
    expect(await downloadFile(pathToFileURL(list).href, copy, () => undefined)).toBe(sha256);
    expect(readFileSync(copy, "utf8")).toBe("카나나\n");
  });

  test("lacks a file: said with its path", async () => {
    await expect(downloadText(pathToFileURL(join(folder, "absent")).href)).rejects.toThrow(
      `${folder}/absent could not be downloaded`,
    );
  });
});

describe("a download on a bad line", () => {
  const content = randomBytes(300_000);
  const sha256 = createHash("sha256").update(content).digest("hex");
  const path = join(folder, "downloaded");

  async function download(options: Omit<CutServerOptions, "content" | "before">) {
    const server = await cutServer({ content, before: 100_000, ...options });
    const told: string[] = [];
    try {
      const found = await downloadFile(server.url, path, (line) => told.push(line), { stallMilliseconds: 300 });
      expect(readFileSync(path).equals(content)).toBe(true);
      return { found, requests: server.requests, told };
    } finally {
      await server.close();
    }
  }

  test("goes on where the connection ended, held to the same file", async () => {
    expect(await download({ cuts: ["closed", "closed"] })).toEqual({
      found: sha256,
      requests: ["- -", 'bytes=100000-299999 "one"', 'bytes=200000-299999 "one"'],
      told: [],
    });
  });

  test("goes on where the server fell silent", async () => {
    const { found, requests } = await download({ cuts: ["silent"] });
    expect(found).toBe(sha256);
    expect(requests).toEqual(["- -", 'bytes=100000-299999 "one"']);
  });

  test("begins anew where the server takes no ranges", async () => {
    const { found, requests, told } = await download({ cuts: ["closed"], ranges: false });
    expect(found).toBe(sha256);
    expect(requests).toEqual(["- -", 'bytes=100000-299999 "one"', "- -"]);
    expect(told).toEqual(["the download broke off after 0 MB and cannot be resumed; beginning anew"]);
  });

  test("asks again where the server is busy", async () => {
    expect((await download({ cuts: ["503", "503"] })).found).toBe(sha256);
  });

  test.each([
    [["closed", "closed", "closed"], "other side closed"],
    [["503", "503", "503"], "the server answered 503"],
  ] as const)("fails after three attempts that end with %j", async (cuts, why) => {
    const server = await cutServer({ content, before: 50_000, cuts });
    await expect(downloadFile(server.url, path, () => undefined)).rejects.toThrow(why);
    expect(server.requests).toHaveLength(3);
    await server.close();
  });

  test("is not tried again where nothing listens", async () => {
    const server = await cutServer({ content, before: 0, cuts: [] });
    await server.close();
    let attempts = 0;
    const count = () => attempts++;
    subscribe("undici:client:connectError", count);
    onTestFinished(() => void unsubscribe("undici:client:connectError", count));
    await expect(downloadFile(server.url, path, () => undefined)).rejects.toThrow("ECONNREFUSED");
    expect(attempts).toBe(1);
  });
});
