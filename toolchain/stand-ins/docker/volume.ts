import type { VolumeInspectInfo } from "dockerode";
import type { ResourceType } from "../protocol/provider";
import { reveal, UNKNOWN, type Properties } from "../protocol/values";
import { ask, askFor, daemon } from "./daemon";
import { asOutputs, labelMap, named, type Label } from "./naming";

interface VolumeInputs {
  readonly name: string;
  readonly driver?: string;
  readonly driverOpts?: Record<string, string>;
  readonly labels?: readonly Label[];
}

/** `docker:index/volume:Volume`, without swarm's `cluster`. */
export const volume: ResourceType = {
  fields: {
    driver: { kind: "string" },
    driverOpts: { kind: "stringMap" },
    labels: { kind: { objects: { label: { kind: "string" }, value: { kind: "string" } } } },
    name: { kind: "string" },
  },
  replacedBy: "all",
  deleteBeforeReplace: true,
  check: named,
  plan: (inputs) => ({ driver: UNKNOWN, mountpoint: UNKNOWN, ...asOutputs(inputs) }),
  async create(inputs) {
    const wanted = reveal(inputs) as VolumeInputs;
    const doing = `Creating the volume ${wanted.name}`;
    await ask(doing, () =>
      daemon().createVolume({
        Name: wanted.name,
        Driver: wanted.driver ?? "local",
        DriverOpts: { ...wanted.driverOpts },
        Labels: labelMap(wanted.labels),
      }),
    );
    const found = await ask(doing, () => daemon().getVolume(wanted.name).inspect());
    return { id: wanted.name, outputs: volumeOutputs(inputs, found) };
  },
  async read(id, inputs) {
    const found = await askFor(`Reading the volume ${id}`, () => daemon().getVolume(id).inspect());
    return found && volumeOutputs(inputs, found);
  },
  async delete(id) {
    await askFor(`Removing the volume ${id}`, () => daemon().getVolume(id).remove());
  },
};

function volumeOutputs(inputs: Properties, found: VolumeInspectInfo): Properties {
  return { driver: found.Driver, mountpoint: found.Mountpoint, ...asOutputs(inputs), id: found.Name };
}
