import type { ContainerCreateOptions, EndpointSettings, HostConfig } from "dockerode";
import type { ContainerInputs, NetworkJoin } from "./container-inputs";
import { labelMap } from "./naming";

const MEGABYTE = 1024 * 1024;
const NANO = 1e9;

/**
 * The daemon's request for a container. Networks are joined one by one afterwards, except for a `networkMode`: a
 * daemon of version 20.10 takes only one network in its create request.
 */
export function containerRequest(wanted: ContainerInputs): ContainerCreateOptions {
  const ports = wanted.ports ?? [];
  return {
    name: wanted.name,
    Image: wanted.image,
    ...given("Hostname", wanted.hostname),
    ...given("Domainname", wanted.domainname),
    ...given("Cmd", wanted.command),
    ...given("Entrypoint", wanted.entrypoints),
    ...given("Env", wanted.envs),
    ...given("User", wanted.user),
    ...given("WorkingDir", wanted.workingDir),
    ...given("StopSignal", wanted.stopSignal),
    ...given("StopTimeout", wanted.stopTimeout),
    Labels: labelMap(wanted.labels),
    ExposedPorts: Object.fromEntries(ports.map((port) => [portKey(port), {}])),
    HostConfig: hostConfig(wanted),
  };
}

function hostConfig(wanted: ContainerInputs): HostConfig {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const port of wanted.ports ?? []) {
    const binding = { HostIp: port.ip ?? "0.0.0.0", HostPort: String(port.external ?? "") };
    bindings[portKey(port)] = [...(bindings[portKey(port)] ?? []), binding];
  }
  const volumes = wanted.volumes ?? [];
  return {
    PortBindings: bindings,
    PublishAllPorts: wanted.publishAllPorts ?? false,
    Privileged: wanted.privileged ?? false,
    ReadonlyRootfs: wanted.readOnly ?? false,
    AutoRemove: wanted.rm ?? false,
    RestartPolicy: { Name: wanted.restart ?? "no", MaximumRetryCount: wanted.maxRetryCount ?? 0 },
    Binds: volumes
      .filter((volume) => volume.fromContainer === undefined)
      .map(({ volumeName, hostPath, containerPath, readOnly }) => {
        const source = hostPath ?? volumeName;
        return `${source === undefined ? "" : `${source}:`}${containerPath}${source === undefined ? "" : readOnly ? ":ro" : ":rw"}`;
      }),
    VolumesFrom: volumes.flatMap(({ fromContainer, readOnly }) =>
      fromContainer === undefined ? [] : [`${fromContainer}${readOnly ? ":ro" : ""}`],
    ),
    Mounts: (wanted.mounts ?? []).map((mount) => ({
      Type: mount.type as never,
      Target: mount.target,
      Source: mount.source ?? "",
      ReadOnly: mount.readOnly ?? false,
      ...(mount.bindOptions?.propagation && { BindOptions: { Propagation: mount.bindOptions.propagation as never } }),
      ...(mount.tmpfsOptions && {
        TmpfsOptions: { SizeBytes: mount.tmpfsOptions.sizeBytes ?? 0, Mode: mount.tmpfsOptions.mode ?? 0 },
      }),
    })),
    ...given("NetworkMode", wanted.networkMode ?? wanted.networksAdvanced?.[0]?.name),
    ...given("CapAdd", wanted.capabilities?.adds),
    ...given("CapDrop", wanted.capabilities?.drops),
    ...given("SecurityOpt", wanted.securityOpts),
    ...given("CgroupParent", wanted.cgroupParent),
    ...given("CgroupnsMode" as "CgroupParent", wanted.cgroupnsMode),
    ...given("CpusetCpus", wanted.cpuSet),
    ...given("CpuShares", wanted.cpuShares),
    ...given("NanoCpus", wanted.cpus === undefined ? undefined : Math.round(Number(wanted.cpus) * NANO)),
    ...given("Dns", wanted.dns),
    ...given(
      "ExtraHosts",
      wanted.hosts?.map(({ host, ip }) => `${host}:${ip}`),
    ),
    ...given("GroupAdd", wanted.groupAdds),
    ...given("Init", wanted.init),
    ...given("IpcMode", wanted.ipcMode),
    ...given("PidMode", wanted.pidMode),
    ...given("UsernsMode", wanted.usernsMode),
    ...given("Runtime", wanted.runtime),
    ...given("Sysctls", wanted.sysctls),
    ...given("Tmpfs", wanted.tmpfs),
    ...given(
      "Ulimits",
      wanted.ulimits?.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    ),
    ...given("ShmSize", megabytes(wanted.shmSize)),
    ...given("Memory", megabytes(wanted.memory)),
    ...given("MemoryReservation", megabytes(wanted.memoryReservation)),
    ...given("MemorySwap", wanted.memorySwap === -1 ? -1 : megabytes(wanted.memorySwap)),
    ...(wanted.logDriver !== undefined && { LogConfig: { Type: wanted.logDriver, Config: wanted.logOpts ?? {} } }),
  };
}

/** How a container is known in one of its networks. */
export function endpointSettings(join: NetworkJoin): EndpointSettings {
  const { ipv4Address, ipv6Address } = join;
  return {
    ...given("Aliases", join.aliases),
    ...given("MacAddress", join.macAddress),
    ...((ipv4Address !== undefined || ipv6Address !== undefined) && {
      IPAMConfig: { ...given("IPv4Address", ipv4Address), ...given("IPv6Address", ipv6Address) },
    }),
  };
}

function portKey({ internal, protocol }: { internal: number; protocol?: string }): string {
  return `${internal}/${protocol ?? "tcp"}`;
}

function megabytes(amount: number | undefined): number | undefined {
  return amount === undefined ? undefined : amount * MEGABYTE;
}

/** A member of the request, or none: the daemon takes an empty value as a wish. */
function given<K extends string, V>(name: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [name]: value } as Record<K, V>);
}
