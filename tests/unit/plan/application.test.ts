import { parseEnv } from "node:util";
import { describe, expect, test } from "vitest";
import {
  APPLICATION_VARIABLES,
  applicationEnvironment,
  applications,
  applicationStep,
} from "../../../plan/application";
import { stackSchema } from "../../../plan/config/schema";
import type { ResolvedConfig } from "../../../plan/sizing/resolved";

const KEY = "k".repeat(43);

function stack(changes: Record<string, unknown> = {}): ResolvedConfig {
  const written = {
    target: { kind: "sandbox" },
    models: [{ name: "kanana-1.5-8b", source: "ollama:kanana", context: "16k" }],
    ...changes,
  };
  return stackSchema.parse(written) as ResolvedConfig;
}

const fileOf = (config: ResolvedConfig, endpoint = "https://llm.internal") =>
  applicationEnvironment(applications(config, endpoint)["tms"]!, KEY);

/** The application of client tms, as the stack file has it. */
const tms = (application: Record<string, unknown>, slots: Record<string, unknown> = { a: 1 }) => ({
  clients: { tms: { ...slots, application } },
});

describe("applicationEnvironment", () => {
  test("says what the SQL-tuning application is set up with", () => {
    expect(fileOf(stack())).toBe(`# Client tms of https://llm.internal. Written by tms-llm; holds a key.
LLM_API_TYPE=openai
LLM_BASE_URL=https://llm.internal/v1
LLM_API_KEY=${KEY}
LLM_MODEL_NAME=kanana-1.5-8b
OPENAI_BASE_URL=https://llm.internal/v1
OPENAI_API_KEY=${KEY}
LLM_MAX_TOKENS=4096
LLM_TEMPERATURE=0.3
LLM_TIMEOUT=120000
LLM_SERVICE_TYPE=vllm
VLLM_HOST=llm.internal
VLLM_PORT=443
FEATURE_AI_TUNING_GUIDE=true
`);
  });

  test("with the native API, too, what an application of Ollama's is set up with", () => {
    const config = stack({ gateway: { nativeApi: true }, ...tms({ apiType: "ollama" }) });
    expect(parseEnv(fileOf(config, "https://[fd00::5]:8443"))).toMatchObject({
      LLM_API_TYPE: "ollama",
      LLM_BASE_URL: "https://[fd00::5]:8443",
      LLM_SERVICE_TYPE: "ollama",
      VLLM_HOST: "[fd00::5]",
      VLLM_PORT: "8443",
      OLLAMA_BASE_URL: "https://[fd00::5]:8443",
      OLLAMA_AUTH_HEADER: `Bearer ${KEY}`,
    });
  });

  test("names the models by role, in variables where applications have any", () => {
    const models = [
      { name: "brain", source: "ollama:a", role: "general" },
      { name: "light", source: "ollama:b", role: "small" },
      { name: "vectors", source: "ollama:c", role: "embedding" },
    ];
    const text = fileOf(stack({ models, gateway: { nativeApi: true } }));
    expect(parseEnv(text)).toMatchObject({
      LLM_MODEL_NAME: "brain",
      OLLAMA_MODEL: "brain",
      OLLAMA_MODEL_LIGHT: "light",
    });
    expect(text).toContain("# Model for embedding: vectors\n");
  });

  test("leaves room for a prompt in a short context", () => {
    const models = [{ name: "m", source: "ollama:m", context: 2048 }];
    expect(parseEnv(fileOf(stack({ models })))["LLM_MAX_TOKENS"]).toBe("1024");
  });

  test("has each documented variable once", () => {
    const names = APPLICATION_VARIABLES.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("applicationStep", () => {
  const onHost = { path: "/srv/tms/.env", owner: "app:app" };

  test("is not there where no application lives on the host", () => {
    expect(applicationStep(stack())).toBeUndefined();
  });

  test("plans the owner's own file with the newest key's slot, over loopback", () => {
    const step = applicationStep(stack(tms({ onHost }, { a: 3, b: 2 })));
    expect(step!.secrets).toEqual([{ name: "client/tms/a", generation: 3 }]);
    expect(step!.files).toMatchObject([{ path: "/srv/tms/.env", owner: "app:app", mode: "0600" }]);
    expect(parseEnv(step!.files[0]!.text)).toMatchObject({
      LLM_BASE_URL: "https://127.0.0.1/v1",
      LLM_API_KEY: "{{secret:client/tms/a}}",
      NODE_EXTRA_CA_CERTS: "/etc/tms-llm/tls/ca.pem",
    });
  });

  test.each([
    [{ mode: "files", certificate: "a.pem", privateKey: "a.key" }, "https://llm.internal:8443/v1"],
    [{ mode: "off" }, "http://127.0.0.1:8443/v1"],
  ])("with %j asks %s and names no CA", (tls, url) => {
    const step = applicationStep(stack({ gateway: { port: 8443, tls }, ...tms({ onHost }) }));
    const variables = parseEnv(step!.files[0]!.text);
    expect(variables["LLM_BASE_URL"]).toBe(url);
    expect(variables["NODE_EXTRA_CA_CERTS"]).toBeUndefined();
  });
});
