import { container } from "./docker/container";
import { useHost } from "./docker/daemon";
import { network } from "./docker/network";
import { remoteImage } from "./docker/remote-image";
import { volume } from "./docker/volume";
import { reveal } from "./protocol/values";
import { serve } from "./runtime";

serve({
  name: "docker",
  version: "4.11.2",
  types: {
    "docker:index/container:Container": container,
    "docker:index/network:Network": network,
    "docker:index/remoteImage:RemoteImage": remoteImage,
    "docker:index/volume:Volume": volume,
  },
  configure(settings) {
    useHost(reveal(settings["host"]) as string | undefined);
  },
});
