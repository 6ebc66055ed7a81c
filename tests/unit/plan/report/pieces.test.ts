import { gzipSync } from "node:zlib";
import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { parseFacts } from "../../../../plan/facts";
import { reportScript } from "../../../../plan/render/report-script";
import { LONGEST_PIECE, readPieces } from "../../../../plan/report/pieces";

const line = (piece: string, text: string, exitCode = 0) =>
  JSON.stringify({ piece, data: gzipSync(text).toString("base64"), exitCode });

test("a host's pieces are read; what a login script says and a line that was broken off are not", () => {
  const printed = ["Welcome!", line("a.txt", "one\n"), line("b.txt", "two\n"), line("c.txt", "three\n").slice(0, -9)];
  expect(readPieces(printed.join("\n"))).toMatchObject({ files: { "a.txt": "one\n", "b.txt": "two\n" }, missing: {} });
});

test("what is for the redaction alone is no file", () => {
  const { files, ...known } = readPieces([line("private/secrets", "x"), line("private/names", "gpu-1\n")].join("\n"));
  expect(files).toEqual({});
  expect(known).toMatchObject({ secrets: "x", names: "gpu-1\n", people: "" });
});

test("a program that is not there and one that took too long are told, with what the latter had said", () => {
  const printed = [line("gpu.txt", "nvidia-smi is not on the host\n", 69), line("network.txt", "half\n", 124)];
  expect(readPieces(printed.join("\n"))).toMatchObject({
    files: { "network.txt": "half\n" },
    missing: {
      "gpu.txt": "nvidia-smi is not on the host",
      "network.txt": "the host did not come to its end with it in time",
    },
  });
});

test("a piece that cannot be unpacked is told, and one that would lead out of the report's folder is not taken", () => {
  const broken = JSON.stringify({ piece: "gpu.txt", data: "", exitCode: 0 });
  const printed = [broken, line("../x", "x\n"), line("/x", "x\n"), line("a.txt", "one\n")];
  expect(readPieces(printed.join("\n"))).toMatchObject({
    files: { "a.txt": "one\n" },
    missing: { "gpu.txt": "what the host sent cannot be unpacked" },
  });
  expect(Object.keys(readPieces(printed.join("\n")).files)).toEqual(["a.txt"]);
});

test("a piece that is too long loses its beginning, the line under the knife among it", () => {
  const text = `${"a".repeat(40)}\n${"b\n".repeat(LONGEST_PIECE / 2 - 10)}`;
  const { files, cut } = readPieces(line("logs/engine.txt", text.slice(-(LONGEST_PIECE + 1))));
  expect(cut).toEqual(["logs/engine.txt"]);
  expect(files["logs/engine.txt"]).toMatch(/^(b\n)+$/);
});

describe.skipIf(process.platform !== "linux")("the script that a host is asked with", () => {
  test("gives every piece from a machine that is no host of ours, and leaves no more of one than is asked for", async () => {
    const { stdout, exitCode } = await execa("bash", ["-s", "5000"], { input: reportScript(), reject: false });
    expect(exitCode).toBe(0);
    const { files } = readPieces(stdout);
    expect(files["system.txt"]!.length).toBeLessThanOrEqual(5001);
    expect(files["deployment.txt"]).toBe("nothing of ours is on the host: there is no /var/lib/tms-llm\n");
    expect(files["drift.jsonl"]).toMatch(/^\{\}$/m);
    const whole = await execa("bash", ["-s", String(LONGEST_PIECE)], { input: reportScript() });
    expect(parseFacts(readPieces(whole.stdout).files["facts.json"]!).cpu.count).toBeGreaterThan(0);
  });
});
