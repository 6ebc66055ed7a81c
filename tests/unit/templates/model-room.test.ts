import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const LIBRARY = join(__dirname, "..", "..", "..", "templates", "lib", "model-room.sh");

async function run(program: string, input = ""): Promise<string> {
  const { stdout } = await execa("bash", ["-euo", "pipefail", "-c", `source "${LIBRARY}"; ${program}`], { input });
  return stdout;
}

test.each([
  ["qwen3", "https://registry.ollama.ai/v2/library/qwen3/manifests/latest"],
  ["qwen3:8b", "https://registry.ollama.ai/v2/library/qwen3/manifests/8b"],
  ["somebody/else:7b", "https://registry.ollama.ai/v2/somebody/else/manifests/7b"],
  ["hf.co/Some/Model-GGUF:Q4_K_M", "https://hf.co/v2/Some/Model-GGUF/manifests/Q4_K_M"],
  ["hf.co/Some/Model-GGUF", "https://hf.co/v2/Some/Model-GGUF/manifests/latest"],
  ["mirror.internal:8443/library/qwen3:8b", "https://mirror.internal:8443/v2/library/qwen3/manifests/8b"],
  ["mirror.internal:8443/library/qwen3", "https://mirror.internal:8443/v2/library/qwen3/manifests/latest"],
])("the manifest of %s is asked for where Ollama asks", async (name, url) => {
  expect(await run(`manifest_url ${name}`)).toBe(url);
});

describe.skipIf(process.platform !== "linux")("of the parts of a model", () => {
  const store = mkdtempSync(join(tmpdir(), "model-room-"));
  const digest = (letter: string) => letter.repeat(64);
  const toFetch = (...lines: string[]) => run(`MODEL_STORE=${store}; bytes_to_fetch`, lines.join("\n") + "\n");

  beforeAll(() => {
    mkdirSync(join(store, "blobs"));
    writeFileSync(join(store, "blobs", `sha256-${digest("a")}`), "whole");
    const partial = join(store, "blobs", `sha256-${digest("b")}-partial`);
    writeFileSync(partial, Buffer.alloc(2 ** 20, 1));
    truncateSync(partial, 10 * 2 ** 20);
  });
  afterAll(() => rmSync(store, { recursive: true }));

  test.each<[string, string[], number]>([
    ["those that are new count", [`${digest("c")} 100`, `${digest("d")} 23`], 123],
    ["one that is named twice counts once", [`${digest("c")} 100`, `${digest("c")} 100`], 100],
    ["one that is there does not", [`${digest("a")} 100`], 0],
    ["one that was begun counts by what is missing", [`${digest("b")} ${10 * 2 ** 20}`], 9 * 2 ** 20],
  ])("%s", async (_title, lines, expected) => {
    expect(Number(await toFetch(...lines))).toBe(expected);
  });
});

describe.skipIf(process.platform !== "linux")(
  "where the disk is asked (a stand-in of the registry, on this machine)",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "model-room-"));
    let port: number;
    let stop: () => Promise<unknown>;

    beforeAll(async () => {
      mkdirSync(join(folder, "store", "blobs"), { recursive: true });
      mkdirSync(join(folder, "manifests", "library", "m"), { recursive: true });
      const manifest = (size: number) =>
        JSON.stringify({ layers: [{ mediaType: "model", digest: `sha256:${"e".repeat(64)}`, size }] }, null, 2);
      writeFileSync(join(folder, "manifests", "library", "m", "small"), manifest(1000));
      writeFileSync(join(folder, "manifests", "library", "m", "huge"), manifest(2 ** 52));
      writeFileSync(join(folder, "manifests", "library", "m", "strange"), "<html>");
      await execa("openssl", [
        ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"],
        ...[
          "-addext",
          "subjectAltName=DNS:localhost",
          "-keyout",
          join(folder, "key"),
          "-out",
          join(folder, "certificate"),
        ],
      ]);
      await execa("bash", ["-c", `cat ${folder}/certificate ${folder}/key >${folder}/pem`]);
      const program = join(__dirname, "..", "..", "fixtures", "ollama", "registry.py");
      const server = execa("python3", [program, folder, join(folder, "pem"), "0"], { reject: false });
      stop = () => {
        server.kill();
        return server;
      };
      port = Number(await new Promise((told) => server.stdout.once("data", told)));
    });
    afterAll(async () => {
      await stop();
      rmSync(folder, { recursive: true });
    });

    /** What the step would say of a model of that name. */
    const ask = (name: string, at = port) =>
      run(`export CURL_CA_BUNDLE=${folder}/certificate NO_PROXY=localhost
      MODEL_STORE=${folder}/store RUN_DIR=${folder}
      model_digest() { :; }; former_goes_on() { :; }
      progress() { echo "progress:$*"; }; fail() { echo "failed: $1: $2"; exit 0; }
      echo "FROM localhost:${at}/library/${name}" >${folder}/modelfile
      require_model_room wanted ${folder}/modelfile
      echo "there is room"`);

    test("a model that fits is fetched without a word", async () => {
      expect(await ask("m:small")).toBe("there is room");
    });

    test("one that does not fit is refused with what it takes and what is there", async () => {
      expect(await ask("m:huge")).toMatch(
        new RegExp(
          `^failed: model wanted does not fit on the disk: 4\\.0PiB come from https://localhost:${port}/v2/library/m/manifests/huge, and [0-9.]+[KMGT]iB are free at `,
        ),
      );
    });

    test.each([
      ["does not know it", () => ask("m:unknown"), "error: 404"],
      ["answers with something else", () => ask("m:strange"), "its answer is no manifest"],
      ["does not answer", () => ask("m:small", 1), "port 1"],
    ])("a registry that %s is no reason to fail", async (_title, asked, why) => {
      const said = await asked();
      expect(said).toMatch(/^progress: {2}how large wanted is cannot be told beforehand: .*\nthere is room$/);
      expect(said).toContain(why);
    });
  },
);
