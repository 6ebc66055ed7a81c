import type { Existing } from "../existing";
import type { FirewallChoice } from "../firewall";
import type { DriverWish } from "./driver";
import type { GpuRequirement } from "./gpu";
import type { WayOut } from "../servers";
import type { RecordedFacts } from "./recorded";

export interface PortRequirement {
  readonly port: number;
  /** The unit of ours that will listen there. */
  readonly unit: string;
}

export interface ReleaseRequirement {
  /** Where it is put on the host; releases that served before stay beside it. */
  readonly folder: string;
  /** Free space by path, to bring it there and to keep it. */
  readonly diskBytes: Readonly<Record<string, number>>;
}

/** What a plan asks of its host. Sizes in bytes. */
export interface Requirements {
  /** Models and reserve together. */
  readonly memoryBytes: number;
  /** The part of `memoryBytes` that is not for models: the system, nginx, the engine itself; default 0. */
  readonly memoryReserveBytes?: number;
  /** Free space by path; paths on one mount add up. */
  readonly diskBytes: Readonly<Record<string, number>>;
  /** The engine's release, which takes room once: not where its folder is complete. */
  readonly release?: ReleaseRequirement;
  readonly ports: readonly PortRequirement[];
  /** The port that the firewall keeps open for SSH; without it none is looked for. */
  readonly sshPort?: number;
  /** Debian's word for what the plan's binaries run on; without it any architecture passes. */
  readonly architecture?: string;
  /** Lowest GNU C library, e.g. `2.28`. */
  readonly glibc?: string;
  /** What a plan for the host's own facts would ask in the place of `glibc`, at least; default: the same. */
  readonly lowestGlibc?: string;
  /** Series of the host's own Python, e.g. `3.12`, that something is compiled against while the engine runs. */
  readonly pythonHeaders?: string;
  /** Name in nginx's `server_name`; with it, a foreign site of that name is refused. */
  readonly serverName?: string;
  /** Who manages the firewall; default `auto`. */
  readonly firewall?: FirewallChoice;
  /** What is done about former installations; default as in a stack file without a word about them. */
  readonly existing?: Existing;
  /** Default: not required. */
  readonly gpu?: GpuRequirement;
  /** Present where the deployment installs the driver if there is none. */
  readonly driver?: DriverWish;
  /** Whether Docker has to be there, to be given the GPU; default false. */
  readonly docker?: boolean;
  /** Servers that the host is going to need; without it none is asked. */
  readonly wayOut?: WayOut;
  /** What the plan was made for, where it was made for something. */
  readonly recorded?: RecordedFacts;
}
