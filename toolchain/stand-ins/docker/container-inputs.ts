import type { Fields } from "../protocol/inputs";
import type { Label } from "./naming";

/**
 * The inputs of `docker:index/container:Container` that the stand-in knows. One that it does not know is refused: a
 * container that lacks a limit or a check it was given is worse than none.
 */
export const CONTAINER_FIELDS: Fields = {
  capabilities: { kind: { object: { adds: { kind: "strings" }, drops: { kind: "strings" } } } },
  cgroupParent: { kind: "string" },
  cgroupnsMode: { kind: "string" },
  command: { kind: "strings" },
  cpuSet: { kind: "string" },
  cpuShares: { kind: "number" },
  cpus: { kind: "string" },
  destroyGraceSeconds: { kind: "number" },
  dns: { kind: "strings" },
  domainname: { kind: "string" },
  entrypoints: { kind: "strings" },
  envs: { kind: "strings" },
  groupAdds: { kind: "strings" },
  hostname: { kind: "string" },
  hosts: { kind: { objects: { host: { kind: "string", required: true }, ip: { kind: "string", required: true } } } },
  image: { kind: "string", required: true },
  init: { kind: "boolean" },
  ipcMode: { kind: "string" },
  labels: { kind: { objects: { label: { kind: "string" }, value: { kind: "string" } } } },
  logDriver: { kind: "string" },
  logOpts: { kind: "stringMap" },
  maxRetryCount: { kind: "number" },
  memory: { kind: "number" },
  memoryReservation: { kind: "number" },
  memorySwap: { kind: "number" },
  mounts: {
    kind: {
      objects: {
        bindOptions: { kind: { object: { propagation: { kind: "string" } } } },
        readOnly: { kind: "boolean" },
        source: { kind: "string" },
        target: { kind: "string", required: true },
        tmpfsOptions: { kind: { object: { mode: { kind: "number" }, sizeBytes: { kind: "number" } } } },
        type: { kind: "string", required: true },
      },
    },
  },
  mustRun: { kind: "boolean" },
  name: { kind: "string" },
  networkMode: { kind: "string" },
  networksAdvanced: {
    kind: {
      objects: {
        aliases: { kind: "strings" },
        ipv4Address: { kind: "string" },
        ipv6Address: { kind: "string" },
        macAddress: { kind: "string" },
        name: { kind: "string", required: true },
      },
    },
  },
  pidMode: { kind: "string" },
  ports: {
    kind: {
      objects: {
        external: { kind: "number" },
        internal: { kind: "number", required: true },
        ip: { kind: "string" },
        protocol: { kind: "string" },
      },
    },
  },
  privileged: { kind: "boolean" },
  publishAllPorts: { kind: "boolean" },
  readOnly: { kind: "boolean" },
  removeVolumes: { kind: "boolean" },
  restart: { kind: "string" },
  rm: { kind: "boolean" },
  runtime: { kind: "string" },
  securityOpts: { kind: "strings" },
  shmSize: { kind: "number" },
  start: { kind: "boolean" },
  stopSignal: { kind: "string" },
  stopTimeout: { kind: "number" },
  sysctls: { kind: "stringMap" },
  tmpfs: { kind: "stringMap" },
  ulimits: {
    kind: {
      objects: {
        hard: { kind: "number", required: true },
        name: { kind: "string", required: true },
        soft: { kind: "number", required: true },
      },
    },
  },
  uploads: {
    kind: {
      objects: {
        content: { kind: "string" },
        contentBase64: { kind: "string" },
        executable: { kind: "boolean" },
        file: { kind: "string", required: true },
        permissions: { kind: "string" },
        source: { kind: "string" },
        sourceHash: { kind: "string" },
      },
    },
  },
  user: { kind: "string" },
  usernsMode: { kind: "string" },
  volumes: {
    kind: {
      objects: {
        containerPath: { kind: "string" },
        fromContainer: { kind: "string" },
        hostPath: { kind: "string" },
        readOnly: { kind: "boolean" },
        volumeName: { kind: "string" },
      },
    },
  },
  workingDir: { kind: "string" },
};

export interface Upload {
  readonly content?: string;
  readonly contentBase64?: string;
  readonly executable?: boolean;
  readonly file: string;
  readonly permissions?: string;
  readonly source?: string;
}

export interface NetworkJoin {
  readonly aliases?: string[];
  readonly ipv4Address?: string;
  readonly ipv6Address?: string;
  readonly macAddress?: string;
  readonly name: string;
}

interface Mount {
  readonly bindOptions?: { readonly propagation?: string };
  readonly readOnly?: boolean;
  readonly source?: string;
  readonly target: string;
  readonly tmpfsOptions?: { readonly mode?: number; readonly sizeBytes?: number };
  readonly type: string;
}

/** A container's inputs without their secret wrappers. Memory figures are MB, as in the official plugin. */
export interface ContainerInputs {
  readonly capabilities?: { readonly adds?: string[]; readonly drops?: string[] };
  readonly cgroupParent?: string;
  readonly cgroupnsMode?: string;
  readonly command?: string[];
  readonly cpuSet?: string;
  readonly cpuShares?: number;
  readonly cpus?: string;
  readonly destroyGraceSeconds?: number;
  readonly dns?: string[];
  readonly domainname?: string;
  readonly entrypoints?: string[];
  readonly envs?: string[];
  readonly groupAdds?: string[];
  readonly hostname?: string;
  readonly hosts?: readonly { readonly host: string; readonly ip: string }[];
  readonly image: string;
  readonly init?: boolean;
  readonly ipcMode?: string;
  readonly labels?: readonly Label[];
  readonly logDriver?: string;
  readonly logOpts?: Record<string, string>;
  readonly maxRetryCount?: number;
  readonly memory?: number;
  readonly memoryReservation?: number;
  readonly memorySwap?: number;
  readonly mounts?: readonly Mount[];
  readonly mustRun?: boolean;
  readonly name: string;
  readonly networkMode?: string;
  readonly networksAdvanced?: readonly NetworkJoin[];
  readonly pidMode?: string;
  readonly ports?: readonly { external?: number; internal: number; ip?: string; protocol?: string }[];
  readonly privileged?: boolean;
  readonly publishAllPorts?: boolean;
  readonly readOnly?: boolean;
  readonly removeVolumes?: boolean;
  readonly restart?: string;
  readonly rm?: boolean;
  readonly runtime?: string;
  readonly securityOpts?: string[];
  readonly shmSize?: number;
  readonly start?: boolean;
  readonly stopSignal?: string;
  readonly stopTimeout?: number;
  readonly sysctls?: Record<string, string>;
  readonly tmpfs?: Record<string, string>;
  readonly ulimits?: readonly { hard: number; name: string; soft: number }[];
  readonly uploads?: readonly Upload[];
  readonly user?: string;
  readonly usernsMode?: string;
  readonly volumes?: readonly {
    containerPath?: string;
    fromContainer?: string;
    hostPath?: string;
    readOnly?: boolean;
    volumeName?: string;
  }[];
  readonly workingDir?: string;
}
