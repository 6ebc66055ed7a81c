import type { Container, ContainerInspectInfo } from "dockerode";
import type { CallContext, ResourceType } from "../protocol/provider";
import { defined, hasUnknown, reveal, UNKNOWN, type Properties } from "../protocol/values";
import { CONTAINER_FIELDS, type ContainerInputs, type Upload } from "./container-inputs";
import { containerRequest, endpointSettings } from "./container-request";
import { ask, askFor, daemon } from "./daemon";
import { asOutputs, named } from "./naming";
import { uploadArchive, uploadFaults } from "./uploads";

/** `docker:index/container:Container`. Every change makes a new container, after the old one is gone. */
export const container: ResourceType = {
  fields: CONTAINER_FIELDS,
  replacedBy: "all",
  deleteBeforeReplace: true,
  check(inputs, before, context) {
    const uploads = hasUnknown(inputs["uploads"]) ? [] : ((reveal(inputs["uploads"]) ?? []) as Upload[]);
    return { inputs: named(inputs, before, context).inputs, faults: uploadFaults(uploads) };
  },
  plan: (inputs) => ({ ...COMPUTED_LATER, ...DEFAULTS, ...asOutputs(inputs) }),
  async create(inputs, context) {
    const wanted = reveal(inputs) as ContainerInputs;
    const found = await create(wanted, context);
    return { id: found.Id, outputs: containerOutputs(inputs, found) };
  },
  async read(id, inputs) {
    const found = await askFor(`Reading the container ${id}`, () => daemon().getContainer(id).inspect());
    return found && containerOutputs(inputs, found);
  },
  async delete(id, state) {
    const { name, destroyGraceSeconds, removeVolumes } = reveal(state) as ContainerInputs;
    const doing = `Removing the container ${name}`;
    const found = daemon().getContainer(id);
    if (destroyGraceSeconds !== undefined && destroyGraceSeconds > 0) {
      // A container that is stopped already answers 304, one that is gone 404: both are what is wanted.
      await askFor(doing, () => found.stop({ t: destroyGraceSeconds }).catch(unlessStopped));
    }
    await askFor(doing, () => found.remove({ force: true, v: removeVolumes ?? true }));
  },
};

const COMPUTED_LATER: Properties = Object.fromEntries(
  ["bridge", "command", "containerLogs", "entrypoints", "envs", "exitCode", "hostname"]
    .concat(["init", "ipcMode", "labels", "logDriver", "networkDatas", "runtime", "securityOpts", "shmSize"])
    .concat(["stopSignal", "stopTimeout"])
    .map((name) => [name, UNKNOWN]),
);

/** Outputs that the official plugin fills in by itself. */
const DEFAULTS: Properties = {
  attach: false,
  logs: false,
  mustRun: true,
  readOnly: false,
  removeVolumes: true,
  restart: "no",
  rm: false,
  start: true,
};

async function create(wanted: ContainerInputs, context: CallContext): Promise<ContainerInspectInfo> {
  const doing = `Creating the container ${wanted.name}`;
  const made = await ask(doing, () => daemon().createContainer(containerRequest(wanted)));
  try {
    return await ask(doing, () => prepare(made, wanted, context));
  } catch (error) {
    // The engine records nothing of a failed creation, so what is there of it would never be removed.
    await ask("Removing the unfinished container", () => made.remove({ force: true, v: true }));
    throw error;
  }
}

async function prepare(made: Container, wanted: ContainerInputs, context: CallContext): Promise<ContainerInspectInfo> {
  const joins = wanted.networksAdvanced ?? [];
  if (joins[0] !== undefined && wanted.networkMode === undefined) {
    // The first network came with the create request; joined again it gets its addresses and aliases.
    await daemon().getNetwork(joins[0].name).disconnect({ Container: made.id, Force: true });
  }
  for (const join of joins) {
    await daemon()
      .getNetwork(join.name)
      .connect({ Container: made.id, EndpointConfig: endpointSettings(join) });
  }
  if (wanted.uploads?.length) await made.putArchive(await uploadArchive(wanted.uploads), { path: "/" });
  context.signal.throwIfAborted();
  if (wanted.start ?? true) await made.start();
  const found = await made.inspect();
  if ((wanted.start ?? true) && (wanted.mustRun ?? true) && !found.State.Running && !found.State.Restarting) {
    const log = logText(await made.logs({ stdout: true, stderr: true, tail: LAST_LINES }));
    throw new Error(`it ended at once, with exit code ${found.State.ExitCode}. Its last lines:\n${log}`);
  }
  return found;
}

/** Lines of a container's log that an error repeats. */
const LAST_LINES = 20;
const FRAME_HEADER = 8;

/** A log without the daemon's frames: stream number, three zeros, and the length of what follows, 4 bytes. */
function logText(frames: Buffer): string {
  const parts: Buffer[] = [];
  for (let start = 0; start + FRAME_HEADER <= frames.length;) {
    const end = start + FRAME_HEADER + frames.readUInt32BE(start + 4);
    parts.push(frames.subarray(start + FRAME_HEADER, end));
    start = end;
  }
  return Buffer.concat(parts).toString("utf8");
}

function unlessStopped(error: Error & { statusCode?: number }): void {
  if (error.statusCode !== 304) throw error;
}

/** The daemon answers null for an empty list. */
function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function containerOutputs(inputs: Properties, found: ContainerInspectInfo): Properties {
  const { Config, HostConfig, NetworkSettings, State } = found;
  const networks = Object.entries(NetworkSettings.Networks).sort(([a], [b]) => (a < b ? -1 : 1));
  return defined({
    bridge: (NetworkSettings as { Bridge?: string }).Bridge ?? "",
    command: listOf(Config.Cmd),
    entrypoints: listOf(Config.Entrypoint),
    envs: listOf(Config.Env),
    hostname: Config.Hostname,
    init: HostConfig.Init ?? false,
    ipcMode: HostConfig.IpcMode,
    labels: [],
    logDriver: HostConfig.LogConfig?.Type,
    runtime: HostConfig.Runtime,
    securityOpts: HostConfig.SecurityOpt ?? [],
    shmSize: Math.round((HostConfig.ShmSize ?? 0) / 1024 / 1024),
    ...DEFAULTS,
    ...asOutputs(inputs),
    ...(!State.Running && { exitCode: State.ExitCode }),
    networkDatas: networks.map(([networkName, network]) => ({
      networkName,
      gateway: network.Gateway,
      globalIpv6Address: network.GlobalIPv6Address,
      globalIpv6PrefixLength: network.GlobalIPv6PrefixLen,
      ipAddress: network.IPAddress,
      ipPrefixLength: network.IPPrefixLen,
      ipv6Gateway: network.IPv6Gateway,
      macAddress: network.MacAddress,
    })),
    id: found.Id,
  });
}
