import type { Environment } from "../../../smoke/environment";

/** A measuring machine and a host, for reports. */
export const ENVIRONMENT: Environment = {
  ...{ version: "0.1.0", node: "v24", platform: "linux x64", kernel: "6.1.0", processor: "EPYC" },
  ...{ processors: 2, memory: 8 * 2 ** 30, load: 0.5, engine: "0.17.4" },
  host: {
    ...{ system: "Debian GNU/Linux 12 (bookworm)", kernel: "6.1.0", processor: "EPYC", processors: 16 },
    ...{ memory: 128 * 2 ** 30, nginx: "1.22.1", gpus: ["NVIDIA L4, 23034 MiB, 550.54.14"] },
    models: { "tiny:latest": "92ac7a1ba12f8ef3d7d91e9b0dbd1f2c" },
  },
};
