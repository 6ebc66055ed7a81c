import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadExeca } from "../../toolchain/execa";
import { ensureToolchain } from "../../toolchain/ensure";
import { architecture } from "../../toolchain/places";
import { lineProgress } from "../../toolchain/progress";
import { demandEqual } from "./compare";
import type { Contender, Prepared } from "./contender";
import type { Series, Task } from "./figures";
import { startHost, type BenchHost } from "./host";
import { benchImage } from "./image";
import { ours } from "./ours";
import { peerEnvironment } from "../python-environment";
import { ansible, ANSIBLE, pyinfra, PYINFRA } from "./peers";
import { makeReport, type ProvisionReport } from "./report";
import { takeSnapshot } from "./snapshot";
import { hostWork, type HostAccess } from "./work";

const STACK = "bench-provision";
const TASKS: readonly Task[] = ["fresh", "no-op", "check"];

/** Says one line of progress. */
type Say = (line: string) => void;

interface Entry {
  readonly contender: Contender;
  readonly host: BenchHost;
  readonly tasks: Prepared;
}

/**
 * Compares the project with pyinfra and Ansible at the same host work.
 * @throws CommandFailure when a contender fails, or when the hosts are not equal afterwards
 */
export async function compareProvisioning(rounds: number, say: Say): Promise<ProvisionReport> {
  const progress = lineProgress(say);
  const toolchain = await ensureToolchain({ stack: STACK, sandbox: true, tinyModel: false, progress });
  if (!toolchain.docker || !toolchain.sandbox) throw new Error("the toolchain made no sandbox");
  const settings = toolchain.sandbox;
  const plan = (access: HostAccess) => hostWork(access, architecture() ?? process.arch);
  const contenders = [
    ours(toolchain.environment),
    pyinfra(await peerEnvironment(PYINFRA, say), plan),
    ansible(await peerEnvironment(ANSIBLE, say), plan),
  ];
  const image = await benchImage(toolchain.docker, settings.image);
  const folder = mkdtempSync(join(tmpdir(), "tms-bench-"));
  const clock = new Clock(say);
  let equalFacts = 0;
  try {
    for (let round = 1; round <= rounds; round += 1) {
      say(`Round ${round} of ${rounds}`);
      const start = (name: string) => startHost(name, image, settings);
      equalFacts = await runRound(contenders, start, join(folder, String(round)), clock);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return makeReport(
    clock.series(contenders),
    toolchain.plugins.map(({ name, version, origin }) => `${name} ${version} (${origin})`),
    equalFacts,
  );
}

/** One fresh host for each contender; every task goes round all of them before the next. @returns how many facts are equal */
async function runRound(
  contenders: readonly Contender[],
  start: (name: string) => Promise<BenchHost>,
  folder: string,
  clock: Clock,
): Promise<number> {
  const entries: Entry[] = [];
  try {
    for (const [index, contender] of contenders.entries()) {
      const host = await start(String(index));
      entries.push({ contender, host, tasks: await prepare(contender, host, join(folder, String(index))) });
    }
    for (const task of TASKS) {
      for (const { contender, tasks } of entries) await clock.time(contender, task, tasks);
    }
    const states = [];
    for (const { contender, host } of entries) {
      states.push({ contender: contender.name, snapshot: await takeSnapshot(host) });
    }
    demandEqual(states);
    return states[0]?.snapshot.length ?? 0;
  } finally {
    for (const { host } of entries) await host.remove();
  }
}

function prepare(contender: Contender, host: BenchHost, folder: string): Promise<Prepared> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return contender.prepare(host, folder);
}

/** Keeps what each contender took for each task. */
class Clock {
  private readonly seconds = new Map<string, number[]>();

  constructor(private readonly say: Say) {}

  async time({ name }: Contender, task: Task, tasks: Prepared): Promise<void> {
    const work = tasks[task];
    if (!work) return;
    // Loaded before the clock starts: the first contender must not pay for the benchmark's own import.
    await loadExeca();
    const began = performance.now();
    await work();
    const seconds = (performance.now() - began) / 1000;
    this.seconds.set(`${task}\t${name}`, [...(this.seconds.get(`${task}\t${name}`) ?? []), seconds]);
    this.say(`  ${task.padEnd(6)} ${name.padEnd(22)} ${seconds.toFixed(2)} s`);
  }

  series(contenders: readonly Contender[]): Series[] {
    return contenders.flatMap(({ name }) =>
      TASKS.flatMap((task) => {
        const seconds = this.seconds.get(`${task}\t${name}`);
        return seconds ? [{ contender: name, task, seconds }] : [];
      }),
    );
  }
}
