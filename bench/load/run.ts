import { hostAddress, type Project } from "../../cli/project";
import { Client } from "../../smoke/client";
import { hostEnvironment, measuringMachine } from "../../smoke/environment";
import type { SmokeTarget } from "../../smoke/target";
import { generator } from "../statistics";
import { measureColdStart } from "./cold-start";
import { figures } from "./figures";
import { watchHost, type Watch } from "./host-load";
import type { BenchReport, StageReport } from "./report";
import { Allowance, loadName, type Load } from "./schedule";
import { requestBody, runStage, type StageTools } from "./stage";

export interface BenchSettings {
  readonly models: readonly string[];
  readonly loads: readonly Load[];
  /** Of each stage, its warm-up left out. */
  readonly requests: number;
  /** Longest answer, in tokens. */
  readonly tokens: number;
  /** Restarts the engine before each model. */
  readonly coldStart: boolean;
  readonly seed: number;
}

/** Connections of an open loop: as many as nginx has by default for both sides. */
const MOST_CONNECTIONS = 256;
/** Requests before an open loop; a closed one warms up with each of its clients. */
const WARM_UP = 3;

/**
 * Measures a deployed endpoint from here, through the gateway, as its clients see it.
 * @throws CommandFailure when the engine does not come back from a cold start
 */
export async function measureLoad(
  project: Project,
  target: SmokeTarget,
  settings: BenchSettings,
  say: (line: string) => void,
): Promise<BenchReport> {
  const { stack, plan } = project;
  const { objectives } = project.config;
  const machine = measuringMachine();
  const began = { at: performance.now(), date: new Date() };
  const random = generator(settings.seed);
  // What the gateway counts, it counts over all stages.
  const allowance = new Allowance(project.config.gateway.rateLimit);
  let asked = 0;
  const tools = { allowance, random, nextNumber: () => (asked += 1) };
  const watch = watchHost(hostAddress(project));
  const coldStarts = [];
  const stages: StageReport[] = [];
  try {
    for (const model of settings.models) {
      if (settings.coldStart) {
        say(`${model}: restarting the engine`);
        const unit = { address: hostAddress(project), unit: target.engine!.unit };
        coldStarts.push(
          await withClient(target, 1, (client) => measureColdStart(unit, client, model, tools.nextNumber)),
        );
      }
      for (const load of settings.loads) {
        say(`${model}: ${loadName(load)}, ${settings.requests} requests`);
        stages.push(await measured(model, load, { target, settings, objectives, watch, tools, began: began.at }));
      }
    }
  } finally {
    await watch.stop();
  }
  const host = await hostEnvironment(target);
  return {
    schema: "tms-llm/bench/v1",
    ...{ stack, endpoint: plan.endpoint, began: began.date.toISOString(), seed: settings.seed },
    objectives: { ttft: objectives.ttft, total: objectives.total },
    ...{ coldStarts, stages, readings: watch.readings(began.at) },
    environment: { ...machine, ...(host ? { host } : {}), engine: project.config.engine.version },
  };
}

interface Around {
  readonly target: SmokeTarget;
  readonly settings: BenchSettings;
  readonly objectives: SmokeTarget["objectives"];
  readonly watch: Watch;
  /** Beginning of the run on this process's clock. */
  readonly began: number;
  readonly tools: Omit<StageTools, "client">;
}

async function measured(model: string, load: Load, around: Around): Promise<StageReport> {
  const { target, settings, objectives, watch, tools, began } = around;
  const { tokens, requests } = settings;
  const stage = {
    body: (number: number) => requestBody({ model, tokens, number }),
    timeoutMilliseconds: objectives.total * 1000,
  };
  const concurrency = load.kind === "closed" ? load.concurrency : WARM_UP;
  return withClient(target, load.kind === "closed" ? load.concurrency : MOST_CONNECTIONS, async (client) => {
    const warmUp = { ...stage, load: { kind: "closed", concurrency } as const, requests: concurrency };
    await runStage(warmUp, { ...tools, client });
    const from = performance.now();
    const { samples, milliseconds, heldBack } = await runStage({ ...stage, load, requests }, { ...tools, client });
    return {
      ...{ model, load, began: from - began, tokens, warmUp: concurrency, heldBack, samples: [...samples] },
      figures: figures(samples, milliseconds, objectives),
      host: watch.between(from, performance.now()),
    };
  });
}

async function withClient<Result>(
  target: SmokeTarget,
  connections: number,
  use: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = new Client(target, connections);
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}
