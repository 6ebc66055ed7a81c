import { statSync } from "node:fs";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Clone, DOCKER_MISSING, PATIENT } from "../harness/clone";

/** Applications that know nothing but the env file that `up` wrote for them; each test goes on where the last one stopped. */
describe.skipIf(DOCKER_MISSING)("an application with its env file (needs Docker)", () => {
  let clone: Clone;

  const envFile = (client: string) => clone.path(".tms-llm", "dev", `${client}.env`);
  const ca = () => clone.path(".tms-llm", "dev", "ca.pem");
  /** Runs an application of a client, with its file read by Node's own reader and the CA as the documentation says. */
  const application = (client: string, program: string, ...args: string[]) =>
    execa("node", [`--env-file=${envFile(client)}`, clone.path("tests/fixtures/clients", program), ...args], {
      cwd: clone.folder,
      extendEnv: false,
      env: { PATH: process.env["PATH"], NODE_EXTRA_CA_CERTS: ca() },
      reject: false,
    });
  const tuningGuide = (client: string) => application(client, "tuning-guide.mjs");
  const answerTo = async (client: string) => {
    const { stdout, stderr } = await tuningGuide(client);
    expect(stderr).toBe("");
    return JSON.parse(stdout) as { pieces: number; text: string };
  };

  beforeAll(async () => {
    clone = await Clone.make();
    clone.configure({
      ...PATIENT,
      models: [
        { name: "tiny", source: "builtin:tiny", context: 2048, role: "general" },
        { name: "vectors", source: "builtin:tiny", context: 2048, role: "embedding" },
      ],
      gateway: { nativeApi: true },
      clients: { tms: { a: 1 }, brain: { a: 1, application: { apiType: "ollama", maxTokens: 256 } } },
    });
    const up = await clone.run(["up"]);
    expect(up.exitCode, up.output).toBe(0);
    expect(up.stdout).toContain(".tms-llm/dev/brain.env");
    expect(up.stdout).toContain("tiny (general), vectors (embedding)");
    expect(up.stdout).toMatch(/Texts become vectors +│ pass/);
  });
  afterAll(() => clone.remove());
  beforeEach(({ onTestFailed }) => {
    onTestFailed(async () => console.error(await clone.host().journal()));
  });

  it.each([
    ["OpenAI's client", "tms"],
    ["Ollama's native chat", "brain"],
  ])("streams a tuning answer in Korean by %s", async (_, client) => {
    const { pieces, text } = await answerTo(client);
    expect(pieces).toBeGreaterThan(10);
    expect(text).toMatch(/\p{Script=Hangul}/u);
    expect(text).not.toContain("\uFFFD");
  });

  it("gets an answer that is JSON where it asks for JSON, and vectors from the model for embeddings", async () => {
    const { stdout, stderr } = await application("tms", "structured-answers.mjs", "vectors");
    expect(stderr).toBe("");
    const { answer, vectors } = JSON.parse(stdout) as { answer: string; vectors: number[][] };
    expect(JSON.parse(answer)).toEqual({ index_needed: expect.any(Boolean) as boolean });
    expect(vectors.map(({ length }) => length)).toEqual([64, 64]);
    expect(vectors[0]).not.toEqual(vectors[1]);
  });

  it("keeps the files from everybody else", () => {
    for (const client of ["tms", "brain"]) expect(statSync(envFile(client)).mode & 0o777).toBe(0o600);
  });

  it("works on after a rotation with the file written anew, and not with the former one", async () => {
    const former = clone.read(".tms-llm", "dev", "tms.env");
    for (const words of [["rotate"], ["finish", "--in-use"]]) {
      const run = await clone.run(["keys", ...words, "tms", "--yes"]);
      expect(run.exitCode, run.output).toBe(0);
    }
    expect(clone.read(".tms-llm", "dev", "tms.env")).not.toBe(former);
    expect((await answerTo("tms")).pieces).toBeGreaterThan(10);
    clone.write(former, ".tms-llm", "dev", "former.env");
    expect((await tuningGuide("former")).stderr).toContain("401");
  });

  it("finds the same text in the stack's outputs, as a secret", async () => {
    const typed = (line: string) => clone.shell(`source <(npm run -s env) && ${line}`);
    const shown = await typed("pulumi stack output applicationEnv --json --show-secrets --stack dev");
    expect((JSON.parse(shown.stdout) as Record<string, string>)["tms"]).toBe(clone.read(".tms-llm", "dev", "tms.env"));
    expect((await typed("pulumi stack output --stack dev")).stdout).toMatch(/applicationEnv +\[secret\]/);
  });
});
