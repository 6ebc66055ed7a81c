import type { ImageInspectInfo } from "dockerode";
import type { ResourceType } from "../protocol/provider";
import { reveal, UNKNOWN, type Properties } from "../protocol/values";
import { askFor, ask, daemon } from "./daemon";

interface ImageInputs {
  readonly name: string;
  readonly forceRemove?: boolean;
  readonly keepLocally?: boolean;
}

/**
 * `docker:index/remoteImage:RemoteImage` for an image that the daemon already has. Where the official plugin would
 * pull a missing one, this one says so: it exists for machines that cannot pull.
 */
export const remoteImage: ResourceType = {
  fields: {
    forceRemove: { kind: "boolean" },
    keepLocally: { kind: "boolean" },
    name: { kind: "string", required: true },
    pullTriggers: { kind: "strings" },
    triggers: { kind: "stringMap" },
  },
  replacedBy: ["name", "pullTriggers", "triggers"],
  plan: (inputs) => ({ ...inputs, imageId: UNKNOWN, repoDigest: UNKNOWN }),
  async create(inputs) {
    const { name } = reveal(inputs) as ImageInputs;
    const found = await askFor(`Looking for the image ${name}`, () => daemon().getImage(name).inspect());
    if (found === undefined) {
      throw new Error(
        `The Docker daemon has no image ${name}, and this stand-in for the docker plugin pulls none. ` +
          "Load it (docker load, docker import), or install the official plugin.",
      );
    }
    return { id: found.Id + name, outputs: imageOutputs(inputs, found) };
  },
  update(inputs, before) {
    const { imageId, repoDigest, id } = before;
    return { ...inputs, imageId, repoDigest, id };
  },
  async read(_id, inputs, state) {
    const { imageId } = reveal(state) as { imageId: string };
    const found = await askFor(`Reading the image ${imageId}`, () => daemon().getImage(imageId).inspect());
    return found && imageOutputs(inputs, found);
  },
  async delete(_id, state) {
    const { name, imageId, keepLocally, forceRemove } = reveal(state) as ImageInputs & { imageId: string };
    if (keepLocally) return;
    const doing = `Removing the image ${name}`;
    const found = await askFor(doing, () => daemon().getImage(imageId).inspect());
    if (found !== undefined) {
      await ask(doing, () =>
        daemon()
          .getImage(name)
          .remove({ force: forceRemove ?? false }),
      );
    }
  },
};

function imageOutputs(inputs: Properties, found: ImageInspectInfo): Properties {
  const { name } = reveal(inputs) as ImageInputs;
  const [repoDigest = ""] = found.RepoDigests;
  return { ...inputs, imageId: found.Id, repoDigest, id: found.Id + name };
}
