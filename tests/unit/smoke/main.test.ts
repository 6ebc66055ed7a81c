import { execa } from "execa";
import { expect, test } from "vitest";
import { HOST_CHECKS, KEY, target, type Behaviour } from "./endpoint";

const smoke = (input: string) =>
  execa(process.execPath, ["--import", "tsx", "smoke/main.ts"], { input, reject: false, all: true });

const proven = async (behaviour: Behaviour, changes = {}) => smoke(JSON.stringify(await target(behaviour, changes)));

test("a pass exits with 0 and prints the table on standard output", async () => {
  const { exitCode, stdout, stderr } = await proven({});
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout).toContain("Smoke test: pass");
});

test("a failure exits with 1 and tells on standard error, without a key", async () => {
  const { exitCode, stdout, stderr } = await proven({ notFound: KEY });
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  expect(stderr).toContain("Smoke test: fail");
  expect(stderr).not.toContain(KEY);
});

test("what could not be told exits with 2", async () => {
  expect((await proven({}, { exclude: [] })).exitCode).toBe(2);
});

test("what could not be measured exits with 3", async () => {
  const everything = ["health", "keys", "models", "answer", "streaming", "korean", "allowlist", "body-limit"];
  const exclude = [...everything, ...HOST_CHECKS];
  expect((await proven({}, { exclude })).exitCode).toBe(3);
});

test("input that is no target exits with 4 and says what is wrong with it, without quoting it", async () => {
  const good = await target({});
  const faults = [
    { input: `{"clients":[{"key":"${KEY}"`, says: "it is not JSON" },
    { input: JSON.stringify({ ...good, modles: [] }), says: 'Unrecognized key: "modles"' },
    { input: JSON.stringify({ ...good, endpoint: "http://gateway/v1" }), says: "must have no path" },
    {
      input: JSON.stringify({ ...good, exclude: ["digets"] }),
      says: 'exclude: no such check: "digets" (did you mean "digest"?)',
    },
  ];
  for (const { input, says } of faults) {
    const { exitCode, all } = await smoke(input);
    expect(exitCode).toBe(4);
    expect(all).toContain(says);
    expect(all).not.toContain(KEY);
  }
});
