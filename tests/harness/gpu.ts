import { join } from "node:path";
import type { BareHost } from "./bare-host";

/** A GPU that is not there: stand-ins at the outermost edge, for the driver's programs and for what Ollama says of its memory. */

const FIXTURES = join(__dirname, "..", "fixtures", "gpu");

/** Puts the stand-ins where the host finds them first; all of a model lies on the GPU, unless told otherwise. */
export async function standInGpu(host: BareHost, programs: readonly ("nvidia-smi" | "nvidia-modprobe" | "curl")[]) {
  await host.shell(
    "mkdir -p /srv/gpu && touch /srv/gpu/processes && echo 100 >/srv/gpu/percent && echo none >/srv/gpu/run-on-cpu",
  );
  for (const program of programs) {
    await host.copy(join(FIXTURES, program), `/usr/local/bin/${program}`);
    await host.shell(`chown root:root /usr/local/bin/${program} && chmod 0755 /usr/local/bin/${program}`);
  }
}
