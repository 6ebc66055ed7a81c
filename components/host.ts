import { existsSync } from "node:fs";
import { join } from "node:path";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Target } from "../plan/config/schema";
import { type Deliveries, NO_DELIVERIES, sentFile } from "../plan/deliveries";
import { judgePreflight, refusalText, type Requirements } from "../plan/preflight";
import { parseFacts } from "../plan/facts";
import { loaderText, PREFLIGHT_TEXT, REMOVAL_TEXT } from "../plan/render/loader";
import { renderAnchor } from "../plan/render/payload";
import { preflightScript } from "../plan/render/preflight-script";
import { readSshServers, type SshServer } from "../plan/ssh-server";
import type { PlannedArtifact } from "../plan/step";
import { copyName } from "../plan/urns";

const PROJECT = join(__dirname, "..");

/** An SSH server. */
interface HostEndpoint {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Public host key; a host that shows another one is refused. */
  readonly hostKey: string;
  readonly privateKey?: pulumi.Output<string>;
}

/** How to reach a host, and which machine it is: another `identity` is an empty host. */
export interface HostAddress extends HostEndpoint {
  /** The server by whose way it is reached. */
  readonly bastion?: HostEndpoint;
  readonly identity: pulumi.Input<string>;
}

export interface HostArgs {
  readonly address: HostAddress;
  readonly requirements: Requirements;
  /** Name of this deployment; a host that another one holds is refused. */
  readonly owner: pulumi.Input<string>;
  /** What is sent to the host from this machine; default: every file of this machine. */
  readonly deliveries?: Deliveries;
  /** The container that the host lives in, if it does: it goes with the host. */
  readonly deletedWith?: pulumi.Resource | undefined;
}

// Secrets are in stdin and nowhere else: not in the text an error shows, the output, or the environment.
const QUIET = { logging: command.remote.Logging.None, addPreviousOutputInEnv: false } as const;

/** The only user of `command.remote`: preflight as the gate, the anchor that owns removal, delivery of artifacts. */
export class Host extends pulumi.ComponentResource {
  readonly address: HostAddress;
  /** The preflight report, as JSON text. */
  readonly facts: pulumi.Output<string>;
  private readonly deliveries: Deliveries;
  private readonly anchor: command.remote.Command;
  private readonly connection: pulumi.Input<command.types.input.remote.ConnectionArgs>;

  constructor(name: string, args: HostArgs, options?: pulumi.ComponentResourceOptions) {
    super("tms-llm:host:Host", name, {}, options);
    this.address = args.address;
    this.deliveries = args.deliveries ?? NO_DELIVERIES;
    this.connection = connectionOf(args.address);
    this.facts = this.runPreflight(name, args.requirements);
    this.anchor = this.createAnchor(name, args);
    this.registerOutputs();
  }

  private runPreflight(name: string, requirements: Requirements): pulumi.Output<string> {
    const preflight = new command.remote.Command(
      `${name}-preflight`,
      {
        connection: this.connection,
        create: pulumi.interpolate`# tms-llm preflight on ${this.address.identity}\n${PREFLIGHT_TEXT}`,
        stdin: preflightScript(requirements.wayOut),
        ...QUIET,
      },
      { parent: this },
    );
    return preflight.stdout;
  }

  private createAnchor(name: string, { requirements, owner, deletedWith }: HostArgs): command.remote.Command {
    const admitted = this.facts.apply((report) => this.admit(report, requirements));
    return new command.remote.Command(
      `${name}-anchor`,
      {
        connection: this.connection,
        create: pulumi.interpolate`${loaderText("anchor", "", "", "anchor")}\n# on ${this.address.identity}`,
        delete: REMOVAL_TEXT,
        stdin: pulumi.all([owner, admitted]).apply(([name]) => renderAnchor(name, pulumi.getStack())),
        ...QUIET,
      },
      { parent: this, ...(deletedWith ? { deletedWith } : {}) },
    );
  }

  /** The gate: throws what stands in the way; what is only worth knowing becomes a warning. */
  private admit(report: string, requirements: Requirements): void {
    let judged;
    try {
      judged = judgePreflight(parseFacts(report), requirements);
    } catch (error) {
      throw new pulumi.RunError(error instanceof Error ? error.message : String(error));
    }
    const { refusals, warnings } = judged;
    if (refusals.length > 0) throw new pulumi.RunError(refusalText(refusals, warnings));
    if (warnings.length > 0) void pulumi.log.warn(refusalText([], warnings), this);
  }

  /** Sends an artifact to `incoming/<sha256>`; nothing for one that the host has, or downloads itself. */
  deliver(artifact: PlannedArtifact, parent: pulumi.Resource): pulumi.Resource[] {
    const path = sentFile(artifact, this.deliveries);
    if (path === undefined) return [];
    const copy = new command.remote.CopyToRemote(
      copyName(artifact),
      {
        connection: this.connection,
        source: deliverable(path),
        remotePath: `/var/lib/tms-llm-incoming/${artifact.sha256}`,
        triggers: [this.address.identity],
      },
      { parent, dependsOn: [this.anchor] },
    );
    return [copy];
  }

  /** Runs a loader text with its payload on the host, after the anchor and what `after` names. */
  run(
    name: string,
    create: (identity: string) => string,
    stdin: pulumi.Input<string>,
    parent: pulumi.Resource,
    after: readonly pulumi.Resource[],
  ): command.remote.Command {
    return new command.remote.Command(
      name,
      {
        connection: this.connection,
        create: pulumi.output(this.address.identity).apply(create),
        stdin: pulumi.secret(stdin),
        ...QUIET,
      },
      { parent, dependsOn: [this.anchor, ...after] },
    );
  }
}

/** A preview sends nothing, and may be made where the file is not; an empty asset is none to the plugin. */
const deliverable = (path: string) =>
  pulumi.runtime.isDryRun() && !existsSync(path)
    ? new pulumi.asset.StringAsset(`${path} is not here`)
    : new pulumi.asset.FileAsset(path);

function connectionOf({ bastion, ...host }: HostAddress): pulumi.Input<command.types.input.remote.ConnectionArgs> {
  return { ...endpointOf(host), ...(bastion === undefined ? {} : { proxy: endpointOf(bastion) }) };
}

function endpointOf({ host, port, user, hostKey, privateKey }: HostEndpoint) {
  // Without a key the plugin asks the agent of SSH_AUTH_SOCK by itself; the path of its socket is another one in each
  // session, so in the state it would change every resource, and a destroy would call a socket that is gone.
  return { host, port, user, hostKey, ...(privateKey ? { privateKey } : {}) };
}

/** The address of an SSH target; private keys are read from this machine and kept secret. */
export function sshAddress(target: Target): HostAddress {
  if (target.kind !== "ssh") throw new pulumi.RunError(`a ${target.kind} target has no SSH address of its own`);
  const { bastion, ...host } = readSshServers(PROJECT, target);
  return {
    ...withSecretKey(host),
    ...(bastion === undefined ? {} : { bastion: withSecretKey(bastion) }),
    identity: `${target.host}:${target.port}`,
  };
}

const withSecretKey = ({ privateKey, ...server }: SshServer): HostEndpoint =>
  privateKey === undefined ? server : { ...server, privateKey: pulumi.secret(privateKey) };
