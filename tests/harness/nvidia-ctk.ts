import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { execaSync } from "execa";
import { buildWithGo, findGo } from "../../toolchain/go-build";
import { makeOnce } from "../../toolchain/once";
import { cacheFolder } from "../../toolchain/places";

/** NVIDIA's own `nvidia-ctk`, built here from its Go module; half a minute the first time. */

const VERSION = "1.20.0";

export const GO_MISSING = execaSync("sh", ["-c", "command -v go /usr/local/go/bin/go"], { reject: false }).failed;

/** @returns the program's path */
export async function nvidiaCtk(): Promise<string> {
  const folder = join(cacheFolder(), "instruments", `nvidia-ctk-${VERSION}`);
  const program = join(folder, "nvidia-ctk");
  if (existsSync(program)) return program;
  const go = await findGo(`nvidia-ctk ${VERSION}`);
  await makeOnce(
    folder,
    async (place) => {
      mkdirSync(place);
      await buildWithGo(go, {
        module: `github.com/NVIDIA/nvidia-container-toolkit@v${VERSION}`,
        packagePath: "github.com/NVIDIA/nvidia-container-toolkit/cmd/nvidia-ctk",
        output: join(place, "nvidia-ctk"),
        linkerFlags: "-s -w",
        log: `${folder}.log`,
      });
    },
    () => console.log("nvidia-ctk: waiting for another build"),
  );
  return program;
}
