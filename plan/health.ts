import type { StackConfig } from "./config/schema";
import { plannedFile } from "./render/payload";
import { fillTemplate } from "./render/template";
import { templateText } from "./render/template-files";
import type { Step } from "./step";

/** `/opt/llm/health-check.sh` and the timer that runs it every minute. */
export function healthStep(config: StackConfig): Step {
  const script = fillTemplate(templateText("health/health-check.sh"), {
    enginePort: String(config.engine.port),
    models: config.models.map(({ name }) => (name.includes(":") ? name : `${name}:latest`)).join(" "),
    scheme: config.gateway.tls.mode === "off" ? "http" : "https",
    gatewayPort: String(config.gateway.port),
  });
  return {
    name: "health",
    phase: "gateway",
    title: "health check every minute",
    script: "health.sh",
    inputs: {},
    files: [
      plannedFile("/opt/llm/health-check.sh", script, "root:root", "0755"),
      plannedFile("/etc/systemd/system/tms-llm-health.service", templateText("units/tms-llm-health.service")),
      plannedFile("/etc/systemd/system/tms-llm-health.timer", templateText("units/tms-llm-health.timer")),
    ],
    artifacts: [],
    secrets: [],
  };
}
