import { createHash } from "node:crypto";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Artifact, findArtifact, recordArtifact } from "./artifacts";
import { ToolchainError } from "./failure";
import type { Piece } from "./piece";
import { cacheFolder } from "./places";
import { encodeTinyModel, TINY_MODEL_SHA256 } from "./tiny-model";

const KEY = "tiny-model";

/** The tiny model as a file in the cache. */
export const tinyModelFile: Piece<Artifact> = {
  name: "Tiny model (random weights)",
  find() {
    const entry = findArtifact(KEY);
    return Promise.resolve(entry?.sha256 === TINY_MODEL_SHA256 ? entry : undefined);
  },
  plan: () => Promise.resolve({ how: "written here", seconds: 1 }),
  make() {
    const content = encodeTinyModel();
    const sha256 = createHash("sha256").update(content).digest("hex");
    if (sha256 !== TINY_MODEL_SHA256) {
      throw new ToolchainError(
        "The tiny model came out different from what was tested.",
        `expected SHA-256 ${TINY_MODEL_SHA256}, found ${sha256}`,
        "Renew TINY_MODEL_SHA256 in toolchain/tiny-model.ts if the model was meant to change.",
      );
    }
    const path = join(cacheFolder(), "artifacts", `tiny-model-${sha256.slice(0, 12)}.gguf`);
    const unfinished = `${path}.${process.pid}`;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(unfinished, content);
    renameSync(unfinished, path);
    return Promise.resolve(recordArtifact(KEY, { path, sha256, origin: "local-build" }));
  },
};
