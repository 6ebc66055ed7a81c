import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { addressText, NO_ROOT } from "../plan/render/loader";
import { CommandFailure } from "./failure";
import { hostAddress } from "./project";
import { noRoot } from "./root-rights";
import { runOverSsh, SshError, type SshAddress } from "./ssh";
import type { Stage } from "./stop-request";

/**
 * Sets the fixed address that a deployment has laid out on the host, or gives the former one back. The host tries it and goes
 * back by itself, see templates/lib/address-switch.sh; what is kept is what this machine has confirmed over the new address.
 */

/** As long as `netplan try` waits. A switch may keep a port closed for 30 s after its link came up. */
const TRIAL_SECONDS = 120;
/** The way back, on top of a trial: a lease has to be asked for anew. */
const LONGEST_RETURN_SECONDS = 90;
const PAUSE_MILLISECONDS = 1_000;
/** From then on the present address is asked too: a host that could not take another one goes back before its time. */
const LOOK_BACK_MILLISECONDS = 15_000;
/** An answer of a host that is about to lose the line may never come. */
const LONGEST_ANSWER_MILLISECONDS = 15_000;

const lookSchema = z.strictObject({
  state: z.enum(["settled", "wanted", "trying"]),
  /** `former`: the stack file no longer has a fixed address. */
  goal: z.enum(["fixed", "former"]),
  interface: z.string(),
  /** Addresses at which the host will be. */
  reach: z.array(z.string()),
  /** Why an earlier trial came to nothing, in the host's words. */
  last: z.string(),
});
type Look = z.output<typeof lookSchema>;

const begunSchema = z.strictObject({ token: z.string() });
/** Nothing at all is what a host answers that has given everything back. */
const answerSchema = z.strictObject({ confirmed: z.enum(["yes", "not yet", "gone"]).default("gone") });

type Reached = Parameters<typeof hostAddress>[0] & { readonly stack: string };

interface SettleOptions {
  /** What may be settled; anything else is left as it is. */
  readonly goals?: readonly Look["goal"][];
  readonly trialSeconds?: number;
}

/**
 * Moves the host where that is wanted, and waits until it is kept or taken back.
 * @returns what to tell; undefined where there was nothing to do
 * @throws CommandFailure when the host has gone back, SshError
 */
export async function settleAddress(
  project: Reached,
  stage: Stage,
  { goals = ["fixed", "former"], trialSeconds = TRIAL_SECONDS }: SettleOptions = {},
): Promise<string | undefined> {
  if (project.config.target.kind === "sandbox") return undefined;
  const host = hostAddress(project);
  const look = await quiet(project, host);
  if (look === undefined || look.state === "settled" || !goals.includes(look.goal)) return undefined;
  const ways = waysToConfirm(look, host.host);
  Object.assign(stage, {
    doing: "changing the host's address",
    consequence: `The host goes back to the present one by itself within ${trialSeconds} s.`,
  });
  console.error(
    `${aim(look)}. Unless this machine reaches the host at ${ways.join(" or ")}, it goes back by itself after ${trialSeconds} s.`,
  );
  const { token } = begunSchema.parse(await ask(project, host, "begin", String(trialSeconds)));
  const { way, tried } = await confirmOver(project, host, ways, { token, goal: look.goal, trialSeconds });
  if (way !== undefined) return arrival(look, way, project);
  throw await cameToNothing(project, look, tried);
}

/** How things stand once no trial of an earlier run is going on; undefined where no address was ever laid out. */
async function quiet(project: Reached, host: SshAddress): Promise<Look | undefined> {
  for (;;) {
    const look = await lookAt(project, host);
    if (look?.state !== "trying") return look;
    console.error("An earlier run tries another address of the host; waiting until it goes back.");
    await sleep(10_000);
  }
}

async function lookAt(project: Reached, host: SshAddress): Promise<Look | undefined> {
  const answer = await ask(project, host, "state");
  return Object.keys(answer as object).length === 0 ? undefined : lookSchema.parse(answer);
}

/** @throws SshError, CommandFailure with the host's words */
async function ask(project: Reached, host: SshAddress, ...words: readonly string[]): Promise<unknown> {
  const signal = AbortSignal.timeout(LONGEST_ANSWER_MILLISECONDS);
  const { code, stdout, stderr } = await runOverSsh(host, addressText(...words), { signal });
  if (code === NO_ROOT) throw noRoot(project.config);
  if (code !== 0)
    throw new CommandFailure(
      `The host's address was left as it is: ${stderr.trim() || `exit code ${code} without a word`}.`,
      "the same command again, when that is over",
    );
  return JSON.parse(stdout);
}

interface Ways {
  readonly goal: Look["goal"];
  readonly reach: readonly string[];
}

/** Where the host has to be reached: at the address that the stack file names, if it will have that; else at any that it will have. */
export function waysToConfirm({ goal, reach }: Ways, target: string): readonly string[] {
  if (reach.includes(target)) return [target];
  // What it was before is what a lease may give again; and it may keep what it has.
  return goal === "fixed" ? reach : [...reach, target];
}

const aim = ({ goal, interface: name, reach }: Look) =>
  goal === "fixed" ? `${name} gets the fixed address ${reach.join(", ")}` : `${name} gets its former address back`;

interface Confirmation {
  /** The address over which the host was told to keep it. */
  readonly way?: string;
  /** What each address answered last. */
  readonly tried: ReadonlyMap<string, string>;
}

async function confirmOver(
  project: Reached,
  host: SshAddress,
  ways: readonly string[],
  { token, goal, trialSeconds }: { readonly token: string; readonly goal: Look["goal"]; readonly trialSeconds: number },
): Promise<Confirmation> {
  const tried = new Map<string, string>();
  const began = Date.now();
  while (Date.now() < began + trialSeconds * 1000) {
    await sleep(PAUSE_MILLISECONDS);
    for (const way of ways) {
      const there = { ...host, host: way };
      try {
        const answer = answerSchema.parse(await ask(project, there, "confirm", token));
        if (answer.confirmed === "yes") return { way, tried };
        if (answer.confirmed === "not yet")
          tried.set(way, "the host answered, but had not come to its end with the change");
        // It is over: kept, where only the answer to an earlier word was lost, or taken back.
        else return isThere(await lookAt(project, there), goal) ? { way, tried } : { tried };
      } catch (error) {
        // Another machine may have the address; and a host that is on the move cuts lines and answers with nothing.
        if (error instanceof SshError || error instanceof CommandFailure || error instanceof SyntaxError)
          tried.set(way, error.message);
        else throw error;
      }
    }
    if (Date.now() > began + LOOK_BACK_MILLISECONDS && (await isBack(project, host))) break;
  }
  return { tried };
}

const isBack = (project: Reached, host: SshAddress) =>
  lookAt(project, host).then(
    (look) => look?.state !== "trying",
    () => false,
  );

/** A host that has its former address again has forgotten everything. */
const isThere = (look: Look | undefined, goal: Look["goal"]) =>
  goal === "fixed" ? look?.state === "settled" : look === undefined;

/** What to say of a trial that was not confirmed, once the host is back. */
async function cameToNothing(project: Reached, look: Look, tried: Confirmation["tried"]): Promise<CommandFailure> {
  const host = hostAddress(project);
  const attempts = [...tried].map(([way, what]) => `  tried ${way}: ${what.split("\n")[0]!}`);
  const [what, where] = [`${aim(look)}: this did not succeed.`, `${host.user}@${host.host}:${host.port}`];
  const deadline = Date.now() + (TRIAL_SECONDS + LONGEST_RETURN_SECONDS) * 1000;
  while (Date.now() < deadline) {
    try {
      const now = await lookAt(project, host);
      if (now?.state !== "trying") {
        const said = now === undefined || now.last === "" ? [] : [`  the host: ${now.last}`];
        return new CommandFailure(
          [what, ...attempts, ...said, `The host has gone back by itself, and answers at ${where}.`].join("\n"),
          look.goal === "fixed"
            ? `correct network.address in Pulumi.${project.stack}.yaml or the network, so that this machine${host.bastion ? ", by way of the bastion," : ""} reaches the host there; then npm run up -- ${project.stack}`
            : "it keeps its fixed address for now; see at which address it would be (a lease may be another one by now), and the same command again",
        );
      }
    } catch (error) {
      if (!(error instanceof SshError || error instanceof CommandFailure)) throw error;
    }
    await sleep(PAUSE_MILLISECONDS);
  }
  return new CommandFailure(
    [what, ...attempts, `The host should have gone back by itself, but does not answer at ${where}.`].join("\n"),
    "look at its console; a reboot brings the former address back too, since nothing was written for good",
  );
}

/** What the operator has to know now. */
function arrival(look: Look, way: string, { stack, config }: Reached): string {
  const target = config.target.kind === "ssh" ? config.target.host : "";
  const done =
    look.goal === "fixed"
      ? `${look.interface} has the fixed address ${look.reach.join(", ")}`
      : `${look.interface} has its former address back`;
  if (way === target) return `${done}; confirmed over ${way}.`;
  return [
    `${done}; confirmed over ${way}. The host and its endpoint are there now, and no longer at ${target}.`,
    `Before the next run, put it into Pulumi.${stack}.yaml, or see that the name leads there:`,
    "  tms-llm:target:",
    `    host: ${way}`,
  ].join("\n");
}

/**
 * Rethrows; a host that was given its fixed address by an earlier run, while the stack file still names the former one, with
 * advice instead.
 */
export async function movedAway(project: Reached, error: unknown): Promise<never> {
  const { target, network } = project.config;
  if (!(error instanceof SshError) || target.kind !== "ssh" || network.address === undefined) throw error;
  const host = hostAddress(project);
  for (const way of network.address.addresses.map((address) => address.split("/")[0]!)) {
    const there = await lookAt(project, { ...host, host: way }).catch(() => undefined);
    if (way !== target.host && there !== undefined)
      throw new CommandFailure(
        `${target.host} does not answer, but the host does at its fixed address ${way}.`,
        `in Pulumi.${project.stack}.yaml, set target.host to ${way}`,
      );
  }
  throw error;
}
