import type { StackConfig } from "./config/schema";
import { PYTHON_ENGINES } from "./catalog/python-engines";
import { endOfDay } from "./config/dates";
import { LOAD_TIMEOUT_SECONDS } from "./engines/ollama";
import { engineSocket, environmentFile } from "./engines/served-folder";
import { engineDevice } from "./gpu";
import { keyId, NOTICE_DAYS, type KeyReference } from "./keys";
import { PAUSE_MARK } from "./render/nginx-errors";
import { plannedFile } from "./render/payload";
import { fillTemplate } from "./render/template";
import { templateText } from "./render/template-files";
import { ENGINE_UNIT, type Step } from "./step";

/** `/opt/llm/health-check.sh` and the timer that runs it every minute. */
export function healthStep(config: StackConfig, keys: readonly KeyReference[]): Step {
  const script = fillTemplate(templateText("health/health-check.sh"), {
    pauseMark: PAUSE_MARK,
    engine: engineChecks(config),
    scheme: config.gateway.tls.mode === "off" ? "http" : "https",
    gatewayPort: String(config.gateway.port),
    noticeDays: String(NOTICE_DAYS),
    keyEnds: keyEnds(keys),
  });
  return {
    name: "health",
    phase: "gateway",
    title: "health check every minute",
    script: "health.sh",
    inputs: {},
    files: [
      plannedFile("/opt/llm/health-check.sh", script, "root:root", "0755"),
      plannedFile(
        "/etc/systemd/system/tms-llm-health.service",
        fillTemplate(templateText("units/tms-llm-health.service"), {
          engineUnit: ENGINE_UNIT[config.engine.kind],
          heal: config.engine.kind === "ollama" ? " --heal" : "",
        }),
      ),
      plannedFile("/etc/systemd/system/tms-llm-health.timer", templateText("units/tms-llm-health.timer")),
    ],
    artifacts: [],
    secrets: [],
  };
}

/** The part of the script that asks the engine itself, and whether it computes where it has to. */
function engineChecks({ engine, models, target }: StackConfig): string {
  const names = models.map(({ name }) => name);
  const full = (name: string) => (name.includes(":") ? name : `${name}:latest`);
  switch (engine.kind) {
    case "ollama": {
      const byUse = (answers: string, vectors: string) =>
        models.map(({ name, role }) => `${role === "embedding" ? vectors : answers} ${full(name)}`).join("\n");
      const slots = {
        port: String(engine.port),
        models: names.map(full).join(" "),
      };
      const seats = {
        port: slots.port,
        loadTimeout: String(LOAD_TIMEOUT_SECONDS),
        questions: byUse("answers", "embeddings"),
      };
      const device = engineDevice(engine, target, undefined);
      const gpu = {
        ...{ port: slots.port, device, loadTimeout: seats.loadTimeout },
        loads: byUse("generate", "embed"),
      };
      return [
        fillTemplate(templateText("health/ollama.sh"), slots),
        ...(device === "any" ? [] : [fillTemplate(templateText("health/ollama-gpu.sh"), gpu)]),
        fillTemplate(templateText("health/ollama-seat.sh"), seats),
      ].join("\n");
    }
    case "vllm":
    case "transformers": {
      const unit = ENGINE_UNIT[engine.kind];
      const slots = { unit, socket: engineSocket(engine.kind), models: names.join(" "), key: keyOption(engine.kind) };
      return [
        fillTemplate(templateText("health/served-folder.sh"), slots),
        ...(engine.variant === "cuda"
          ? [fillTemplate(templateText("health/unit-gpu.sh"), { unit, product: PYTHON_ENGINES[engine.kind].product })]
          : []),
      ].join("\n");
    }
    default:
      return engine satisfies never;
  }
}

/** The key goes through a pipe: among the arguments everybody would see it. */
function keyOption(kind: "vllm" | "transformers"): string {
  if (kind === "transformers") return "";
  return ` --header @<(sed -n 's/^VLLM_API_KEY=/Authorization: Bearer /p' ${environmentFile(kind)})`;
}

/** A line for each key that ends by itself: its name, its last day and the second after that. */
const keyEnds = (keys: readonly KeyReference[]) =>
  keys
    .flatMap((key) => (key.expires === undefined ? [] : [`${keyId(key)} ${key.expires} ${endOfDay(key.expires)}`]))
    .join("\n");
