import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { lookIntoHost } from "./host";
import { ollamaModels } from "./ollama";
import type { SmokeTarget } from "./target";

/** What a measurement was made with and on, so that it can be told from another. */

const hostEnvironmentSchema = z.strictObject({
  system: z.string(),
  kernel: z.string(),
  processor: z.string(),
  processors: z.number().int(),
  /** Bytes. */
  memory: z.number().int(),
  nginx: z.string(),
  /** Each GPU with its memory and the driver, as nvidia-smi tells; none where it is not there. */
  gpus: z.array(z.string()),
  /** Model → digest of its weights and settings, where the engine tells. */
  models: z.record(z.string(), z.string()),
});

export const environmentSchema = z.strictObject({
  /** Version of this project. */
  version: z.string(),
  node: z.string(),
  platform: z.string(),
  kernel: z.string(),
  processor: z.string(),
  processors: z.number().int(),
  /** Bytes. */
  memory: z.number().int(),
  /** Load average over the last minute when the run began: a busy machine measures itself. */
  load: z.number(),
  /** The host; absent where it can't be looked into. */
  host: hostEnvironmentSchema.optional(),
  /** Version of the engine that the stack file demands. */
  engine: z.string().optional(),
});

export type Environment = z.output<typeof environmentSchema>;
type HostEnvironment = z.output<typeof hostEnvironmentSchema>;

/** The machine that measures, now. */
export function measuringMachine(): Environment {
  const { version } = JSON.parse(readFileSync(join(__dirname, "../package.json"), "utf8")) as { version: string };
  return {
    ...{ version, node: process.version, platform: `${process.platform} ${process.arch}`, kernel: release() },
    ...{ processor: cpus()[0]?.model ?? "unknown", processors: availableParallelism(), memory: totalmem() },
    load: loadavg()[0]!,
  };
}

const SCRIPT = `. /etc/os-release
echo "system $PRETTY_NAME"
echo "kernel $(uname -r)"
echo "processor $(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)"
echo "processors $(nproc)"
awk '/^MemTotal:/ { printf "memory %.0f\\n", $2 * 1024 }' /proc/meminfo
echo "nginx $(nginx -v 2>&1 | sed 's,^.*/,,')"
if command -v nvidia-smi >/dev/null; then
  nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader | sed 's/^/gpu /'
fi`;

/** What the host is; undefined where it can't be looked into. */
export async function hostEnvironment({
  access,
  engine,
}: Pick<SmokeTarget, "access" | "engine">): Promise<HostEnvironment | undefined> {
  if (!access) return undefined;
  try {
    const { stdout } = await lookIntoHost(access, ["bash", "-c", SCRIPT]);
    const lists =
      engine?.placement.asks === "ollama" ? await lookIntoHost(access, engine.placement.question) : undefined;
    return parseHostEnvironment(stdout, lists?.stdout ?? "");
  } catch {
    // A host that can't be looked into is told by every check that looks.
    return undefined;
  }
}

/** From what the host printed, and from what Ollama says that it has. */
export function parseHostEnvironment(printed: string, lists: string): HostEnvironment {
  const lines = printed.split("\n").map((line) => line.trim());
  const all = (name: string) =>
    lines.flatMap((line) => (line.startsWith(`${name} `) ? [line.slice(name.length + 1)] : []));
  const of = (name: string) => all(name)[0] ?? "unknown";
  const [listed = ""] = lists.split("\n");
  return {
    ...{
      system: of("system"),
      kernel: of("kernel"),
      processor: of("processor"),
      processors: Number(all("processors")[0] ?? 0),
    },
    ...{ memory: Number(all("memory")[0] ?? 0), nginx: of("nginx"), gpus: all("gpu") },
    models: Object.fromEntries(ollamaModels(listed).map(({ name, digest }) => [name, digest])),
  };
}

const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

/** The environment as people read it, one line for each machine. */
export function environmentLines({
  version,
  node,
  platform,
  kernel,
  processor,
  processors,
  memory,
  load,
  host,
  engine,
}: Environment): string[] {
  const machine = (system: string, of: Pick<Environment, "kernel" | "processor" | "processors" | "memory">) =>
    `${system}, kernel ${of.kernel}, ${of.processors} × ${of.processor}, ${gibibytes(of.memory)}`;
  return [
    `from here: tms-llm ${version}, Node ${node}, ${machine(platform, { kernel, processor, processors, memory })}, load ${load.toFixed(1)}`,
    ...(host
      ? [
          [
            `the host: ${machine(host.system, host)}`,
            host.gpus.length > 0 ? host.gpus.join("; ") : "no GPU",
            `nginx ${host.nginx}`,
            ...(engine === undefined ? [] : [`engine ${engine}`]),
            ...Object.entries(host.models).map(([model, digest]) => `${model} ${digest.slice(0, 12)}`),
          ].join(", "),
        ]
      : []),
  ];
}
