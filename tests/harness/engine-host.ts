import type { PythonEngineKind } from "../../plan/catalog/python-engines";
import { engineSocket } from "../../plan/engines/served-folder";
import { ENGINE_UNIT, type Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "./bare-host";
import { deliver, runPhase, sampleSecret, submitPhase, type StepReport } from "./deployment";
import type { Said } from "./container-host";
import {
  ENGINE_MISSING,
  engineMounts,
  engineStack,
  mountOptions,
  prepareEngine,
  stackSteps,
  type EngineMaterial,
} from "./python-engine";

/** A bare host for an engine in Python, and a client of its gateway on the host itself. */

const ENDPOINT = "http://127.0.0.1:8080";
const CHAT = "/v1/chat/completions";

/** An answer of the gateway: headers and body as they came. */
export interface GatewayAnswer {
  readonly status: number;
  readonly text: string;
}

/** An answer that may have been cut off: headers and body as far as they came, and curl's exit code. */
export interface BrokenAnswer {
  readonly exitCode: number;
  readonly text: string;
}

/** Whether the engine's tests are left out, and what their title says about it. */
export function engineTests(kind: PythonEngineKind): { readonly skip: boolean; readonly title: string } {
  const why = DOCKER_MISSING ? "needs Docker" : (ENGINE_MISSING[kind] ?? "its build for CPUs");
  return { skip: DOCKER_MISSING || ENGINE_MISSING[kind] !== undefined, title: why };
}

export class EngineHost {
  readonly unit: string;
  readonly socket: string;

  private constructor(
    private readonly kind: PythonEngineKind,
    private readonly material: EngineMaterial,
    readonly host: BareHost,
  ) {
    this.unit = ENGINE_UNIT[kind];
    this.socket = engineSocket(kind);
  }

  static async start(kind: PythonEngineKind): Promise<EngineHost> {
    const material = await prepareEngine(kind);
    const mounts = mountOptions(engineMounts(material, engineStack(kind)));
    return new EngineHost(kind, material, await BareHost.start(material.image, mounts));
  }

  /** The steps of the tiny model behind the engine; `engine` and `model` change single keys. */
  planned(engine: Record<string, unknown> = {}, model: Record<string, unknown> = {}): readonly Step[] {
    return stackSteps(this.material, engineStack(this.kind, engine, model));
  }

  /** The same with a server in the place of huggingface.co. */
  fetching(source: string, huggingFace: string): readonly Step[] {
    const config = engineStack(this.kind, {}, { source });
    return stackSteps(this.material, { ...config, mirrors: { huggingFace } });
  }

  /** Sends what the model's phase needs, runs it and names the steps that changed something. @throws HostCommandError */
  async serve(steps: readonly Step[]): Promise<readonly string[]> {
    await deliver(this.host, modelPhase(steps));
    return changedSteps(await runPhase(this.host, "model", modelPhase(steps)));
  }

  /** The same, good or bad. */
  async tryToServe(steps: readonly Step[]): Promise<Said> {
    await deliver(this.host, modelPhase(steps));
    return submitPhase(this.host, "model", modelPhase(steps));
  }

  /** A request through nginx. */
  async ask(path: string, body?: unknown): Promise<GatewayAnswer> {
    return answerOf(await this.host.shell(`${curl("--include --no-buffer", body)} ${ENDPOINT}${path}`, json(body)));
  }

  chat(body: unknown): Promise<GatewayAnswer> {
    return this.ask(CHAT, body);
  }

  /** Chats that come one close after the other. To six of one instant vLLM 0.32.0 said 200 each, in the time of two answers. */
  async chatTogether(count: number, body: unknown): Promise<readonly GatewayAnswer[]> {
    const numbers = Array.from({ length: count }, (_, index) => index);
    await this.host.shell(
      `cat >/tmp/question
      for number in ${numbers.join(" ")}; do
        ${curl("--include --no-buffer", body)} --output /tmp/answer-$number ${ENDPOINT}${CHAT} </tmp/question &
        sleep 0.1
      done
      wait`,
      json(body),
    );
    return Promise.all(numbers.map(async (number) => answerOf(await this.host.shell(`cat /tmp/answer-${number}`))));
  }

  /** A chat whose client hangs up after `seconds`: curl's exit code is 28 if it had to. */
  async hangUp(seconds: number, body: unknown): Promise<number> {
    const options = `--output /dev/null --max-time ${seconds}`;
    const { exitCode } = await this.host.ask(`${curl("", body)} ${options} ${ENDPOINT}${CHAT}`, json(body));
    return exitCode;
  }

  /**
   * A chat whose answer streams while the test goes on; its first words have come when this returns.
   * @returns waits for its end, good or bad
   */
  async begin(body: unknown): Promise<() => Promise<BrokenAnswer>> {
    await this.host.shell(
      `cat >/tmp/question
      rm -f /tmp/answer /tmp/ended; touch /tmp/answer
      { ${curl("--include --no-buffer", body)} --output /tmp/answer ${ENDPOINT}${CHAT} </tmp/question; echo $? >/tmp/ended; } >/dev/null 2>&1 &
      until grep -q '"delta":{"content":"[^"]' /tmp/answer; do [ ! -e /tmp/ended ] || exit 1; sleep 0.02; done`,
      json(body),
    );
    return async () => {
      await this.host.shell("until [ -s /tmp/ended ]; do sleep 0.05; done");
      const [exitCode, text] = await Promise.all([
        this.host.shell("cat /tmp/ended"),
        this.host.shell("cat /tmp/answer"),
      ]);
      return { exitCode: Number(exitCode), text };
    };
  }

  async untilServing(): Promise<void> {
    await this.host.shell(
      `for second in $(seq 180); do curl --silent --fail --output /dev/null ${ENDPOINT}/health && exit; sleep 1; done; exit 1`,
    );
  }

  remove(): Promise<void> {
    return this.host.remove();
  }
}

const answerOf = (text: string): GatewayAnswer => ({ status: Number(/^HTTP\/\S+ (\d+)/.exec(text)![1]), text });

const modelPhase = (steps: readonly Step[]) => steps.filter(({ phase }) => phase === "model");

export const changedSteps = (reports: readonly StepReport[]) =>
  reports.filter(({ changed }) => changed > 0).map(({ step }) => step);

const json = (body: unknown) => (body === undefined ? "" : JSON.stringify(body));

const curl = (options: string, body: unknown) =>
  `curl --silent --max-time 120 ${options} --header 'Authorization: Bearer ${sampleSecret("client/tms/a")}' ${body === undefined ? "" : "--json @-"}`;

/** A question to the tiny model; its answer streams. */
export const completion = (more: Record<string, unknown> = {}) => ({
  model: "tiny",
  stream: true,
  temperature: 0,
  messages: [{ role: "user", content: "안녕하세요" }],
  ...more,
});

/** One whose answer has that many tokens, whatever the model would have said. */
export const longCompletion = (tokens: number) => completion({ ignore_eos: true, max_tokens: tokens });

/** SHA-256 of a folder of weights, by the command of the documentation. */
export async function folderChecksum(host: BareHost, folder: string): Promise<string> {
  const list = `cd ${folder} && find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum`;
  return (await host.shell(list)).split(" ")[0]!;
}
