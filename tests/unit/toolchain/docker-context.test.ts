import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { contextHost } from "../../../toolchain/docker-context";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "docker-"))));
afterEach(() => rmSync(folder, { recursive: true }));

/** As `docker context create NAME` and `docker context use NAME` leave it. */
function addContext(name: string, host: string): void {
  const meta = join(folder, "contexts", "meta", createHash("sha256").update(name).digest("hex"));
  mkdirSync(meta, { recursive: true });
  const content = { Name: name, Metadata: {}, Endpoints: { docker: { Host: host, SkipTLSVerify: false } } };
  writeFileSync(join(meta, "meta.json"), JSON.stringify(content));
}
const use = (currentContext: string) =>
  writeFileSync(join(folder, "config.json"), JSON.stringify({ auths: {}, currentContext }));

test("the daemon is the one of the context that is in use", () => {
  addContext("colima", "unix:///home/me/.colima/default/docker.sock");
  expect(contextHost(folder)).toBeUndefined();
  use("colima");
  expect(contextHost(folder)).toBe("unix:///home/me/.colima/default/docker.sock");
  use("default");
  expect(contextHost(folder)).toBeUndefined();
});

test("a context that is named for this shell comes first", () => {
  addContext("colima", "unix:///one");
  addContext("orbstack", "unix:///two");
  use("colima");
  expect(contextHost(folder, "orbstack")).toBe("unix:///two");
});

test("files that are not there, or not understood, set nothing", () => {
  use("gone");
  expect(contextHost(folder)).toBeUndefined();
  writeFileSync(join(folder, "config.json"), "{");
  expect(contextHost(folder)).toBeUndefined();
});
