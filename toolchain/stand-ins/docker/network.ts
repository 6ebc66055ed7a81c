import type { NetworkInspectInfo } from "dockerode";
import type { ResourceType } from "../protocol/provider";
import { reveal, UNKNOWN, type Properties } from "../protocol/values";
import { ask, askFor, daemon } from "./daemon";
import { asOutputs, labelMap, named, type Label } from "./naming";

interface IpamConfig {
  readonly auxAddress?: Record<string, string>;
  readonly gateway?: string;
  readonly ipRange?: string;
  readonly subnet?: string;
}

interface NetworkInputs {
  readonly name: string;
  readonly attachable?: boolean;
  readonly checkDuplicate?: boolean;
  readonly driver?: string;
  readonly ingress?: boolean;
  readonly internal?: boolean;
  readonly ipamConfigs?: readonly IpamConfig[];
  readonly ipamDriver?: string;
  readonly ipamOptions?: Record<string, string>;
  readonly ipv6?: boolean;
  readonly labels?: readonly Label[];
  readonly options?: Record<string, string>;
}

/** `docker:index/network:Network`. */
export const network: ResourceType = {
  fields: {
    attachable: { kind: "boolean" },
    checkDuplicate: { kind: "boolean" },
    driver: { kind: "string" },
    ingress: { kind: "boolean" },
    internal: { kind: "boolean" },
    ipamConfigs: {
      kind: {
        objects: {
          auxAddress: { kind: "stringMap" },
          gateway: { kind: "string" },
          ipRange: { kind: "string" },
          subnet: { kind: "string" },
        },
      },
    },
    ipamDriver: { kind: "string" },
    ipamOptions: { kind: "stringMap" },
    ipv6: { kind: "boolean" },
    labels: { kind: { objects: { label: { kind: "string" }, value: { kind: "string" } } } },
    name: { kind: "string" },
    options: { kind: "stringMap" },
  },
  replacedBy: "all",
  deleteBeforeReplace: true,
  check: named,
  plan: (inputs) => ({ driver: UNKNOWN, ipamConfigs: UNKNOWN, ...COMPUTED_LATER, ...asOutputs(inputs) }),
  async create(inputs) {
    const wanted = reveal(inputs) as NetworkInputs;
    const doing = `Creating the network ${wanted.name}`;
    const made = await ask(doing, () => daemon().createNetwork(networkRequest(wanted)));
    return { id: made.id, outputs: networkOutputs(inputs, await ask(doing, () => made.inspect())) };
  },
  async read(id, inputs) {
    const found = await askFor(`Reading the network ${id}`, () => daemon().getNetwork(id).inspect());
    return found && networkOutputs(inputs, found);
  },
  async delete(id) {
    await askFor(`Removing the network ${id}`, () => daemon().getNetwork(id).remove());
  },
};

const COMPUTED_LATER: Properties = { internal: UNKNOWN, options: UNKNOWN, scope: UNKNOWN };

/** The daemon's request for a network. */
export function networkRequest(wanted: NetworkInputs) {
  return {
    Name: wanted.name,
    // Two networks of one name would leave it open which one a container joins.
    CheckDuplicate: wanted.checkDuplicate ?? true,
    Driver: wanted.driver ?? "bridge",
    Internal: wanted.internal ?? false,
    Attachable: wanted.attachable ?? false,
    Ingress: wanted.ingress ?? false,
    EnableIPv6: wanted.ipv6 ?? false,
    Labels: labelMap(wanted.labels),
    Options: { ...wanted.options },
    ...((wanted.ipamConfigs || wanted.ipamDriver || wanted.ipamOptions) && {
      IPAM: {
        Driver: wanted.ipamDriver ?? "default",
        Options: { ...wanted.ipamOptions },
        Config: (wanted.ipamConfigs ?? []).map(({ auxAddress, gateway, ipRange, subnet }) => ({
          ...(subnet !== undefined && { Subnet: subnet }),
          ...(gateway !== undefined && { Gateway: gateway }),
          ...(ipRange !== undefined && { IPRange: ipRange }),
          ...(auxAddress !== undefined && { AuxiliaryAddresses: auxAddress }),
        })) as never,
      },
    }),
  };
}

function networkOutputs(inputs: Properties, found: NetworkInspectInfo): Properties {
  return {
    driver: found.Driver,
    internal: found.Internal,
    ipamConfigs: (found.IPAM?.Config ?? []).map((config) => ({
      ...(config["Subnet"] && { subnet: config["Subnet"] }),
      ...(config["Gateway"] && { gateway: config["Gateway"] }),
    })),
    options: found.Options ?? {},
    scope: found.Scope,
    ...asOutputs(inputs),
    id: found.Id,
  };
}
