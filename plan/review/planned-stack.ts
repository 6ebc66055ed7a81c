import { createHash } from "node:crypto";
import { z } from "zod";
import type { ArtifactIndex } from "../artifacts";
import type { Client, StackConfig } from "../config/schema";
import { formatTokens } from "../config/units";
import type { HostFacts } from "../host-facts";
import { keyReferences } from "../keys";
import { makePlan, type Plan } from "../plan";
import type { PlanContext } from "../plan-context";
import { plannedResources } from "../rules/from-plan";
import { violationText } from "../rules/report";
import { violations } from "../rules/all";
import type { SandboxSettings } from "../sandbox";
import { resolveStack } from "../sizing/resolve";
import { chosenNumbers } from "./chosen";

/** A stack as a reviewer sees it: planned from what is committed, with no state, no secret and no host. */

const fileSchema = z.strictObject({ owner: z.string(), mode: z.string(), text: z.string() });

const stackSchema = z.strictObject({
  stack: z.string(),
  /** Why the stack cannot be planned; then nothing else is known of it. */
  refusal: z.string().optional(),
  /** What an operator asks first: engine, models, clients, firewall; in the order in which it is shown. */
  settings: z.record(z.string(), z.string()),
  /** What each `auto` has become; absent where the revision's code does not say so. */
  chosen: z.record(z.string(), z.string()).default({}),
  /** Rules that the plan breaks, each as a text; absent where the revision's code has no rules. */
  violations: z.array(z.string()).optional(),
  /** Files on the host by path; secrets are named, not shown. */
  files: z.record(z.string(), fileSchema),
  /** Plain inputs of each step by its name. */
  inputs: z.record(z.string(), z.record(z.string(), z.string())),
  /** Digest of each phase: another one makes the phase run again. */
  phases: z.record(z.string(), z.string()),
});

export const plannedStacksSchema = z.strictObject({
  schema: z.literal("tms-llm/planned-stacks/v1"),
  stacks: z.array(stackSchema),
});

export type PlannedStack = z.output<typeof stackSchema>;

/** Nothing of it is deployed; a name's hash stands for the file's, so that another version is another artifact. */
const NAMED_ARTIFACTS = new Proxy<ArtifactIndex>(
  {},
  {
    get: (_, name) => ({
      path: String(name),
      sha256: createHash("sha256").update(String(name)).digest("hex"),
      origin: "official",
    }),
  },
);

/** Stands for what each clone chooses for its own sandbox. */
const SOME_SANDBOX: SandboxSettings = {
  id: "00000000",
  image: "tms-llm-sandbox:000000000000",
  sshPort: 20022,
  gatewayPort: 20443,
  subnet4: "10.1.2.0/24",
  gateway4: "10.1.2.1",
  address4: "10.1.2.10",
  allowedProber4: "10.1.2.20",
  refusedProber4: "10.1.2.30",
  subnet6: "fd00:1::/64",
  gateway6: "fd00:1::1",
  address6: "fd00:1::10",
  allowedProber6: "fd00:1::20",
  refusedProber6: "fd00:1::30",
  sshPrivateKeyFile: "",
  sshPublicKey: "",
  hostPrivateKeyFile: "",
  hostPublicKey: `ssh-ed25519 ${Buffer.concat([Buffer.from("\0\0\0\x0bssh-ed25519\0\0\0\x20"), Buffer.alloc(32)]).toString("base64")}`,
};

/** Plans a stack without what belongs to a clone. @throws PlanRefused as {@link makePlan} */
export function planForReview(stack: string, config: StackConfig, facts: HostFacts | undefined): PlannedStack {
  const context: PlanContext = {
    stack,
    ...(facts ? { facts } : {}),
    architecture: facts?.architecture ?? "amd64",
    artifacts: NAMED_ARTIFACTS,
    ...(config.gateway.tls.mode === "files"
      ? { certificate: `(the text of ${config.gateway.tls.certificate})\n` }
      : {}),
    ...(config.target.kind === "sandbox" ? { sandbox: SOME_SANDBOX } : {}),
  };
  const plan = makePlan(config, context);
  const { config: resolved } = resolveStack(config, stack, facts);
  return {
    ...describePlan(stack, config, plan),
    chosen: chosenNumbers(config, resolved),
    violations: violations(plannedResources(config, context, plan)).map(violationText),
  };
}

/** A stack that cannot be planned, with the reason as it is told to its author. */
export function refusedForReview(stack: string, refusal: string): PlannedStack {
  return { stack, refusal, settings: {}, chosen: {}, files: {}, inputs: {}, phases: {} };
}

function describePlan(stack: string, config: StackConfig, plan: Plan): Omit<PlannedStack, "chosen" | "violations"> {
  const files = plan.steps.flatMap((step) => step.files);
  return {
    stack,
    settings: settings(config, plan),
    files: Object.fromEntries(files.map(({ path, owner, mode, text }) => [path, { owner, mode, text }])),
    inputs: Object.fromEntries(plan.steps.map(({ name, inputs }) => [name, { ...inputs }])),
    phases: Object.fromEntries(plan.payloads.map(({ phase, digest }) => [phase, digest])),
  };
}

function settings(config: StackConfig, plan: Plan): Record<string, string> {
  const { engine, models, clients, access, gateway } = config;
  const keys = (name: string, client: Client) =>
    keyReferences({ [name]: client }).map(({ name: key, generation, expires }) =>
      [`${key.at(-1)!}:${generation}`, ...(expires === undefined ? [] : [`until ${expires}`])].join(" "),
    );
  return {
    endpoint: config.target.kind === "sandbox" ? "a sandbox on the machine that deploys it" : plan.endpoint,
    engine: `${engine.kind} ${engine.version}`,
    ...Object.fromEntries(
      models.map(({ name, source, context }) => [
        `model ${name}`,
        `${source}, context ${typeof context === "number" ? formatTokens(context) : context}`,
      ]),
    ),
    ...Object.fromEntries(
      Object.entries(clients).map(([name, client]) => [
        `client ${name}`,
        `key generations ${keys(name, client).join(" ")}`,
      ]),
    ),
    firewall: access.firewall === "off" ? "off" : `${access.firewall}, open to ${access.allow.join(", ") || "nobody"}`,
    TLS: gateway.tls.mode,
    "memory demanded": `${(plan.requirements.memoryBytes / 2 ** 30).toFixed(1)} GiB`,
  };
}
