import { createHash } from "node:crypto";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Artifact, findArtifact, recordArtifact } from "./artifacts";
import { ToolchainError } from "./failure";
import type { Piece } from "./piece";
import { cacheFolder } from "./places";
import { encodeTinyModel, TINY_MODEL_SHA256 } from "./tiny-model";
import { encodeTinyModelFolder, TINY_FOLDER_SHA256 } from "./tiny-model-folder";

interface TinyFormat {
  readonly key: string;
  readonly title: string;
  readonly ending: string;
  readonly sha256: string;
  readonly encode: () => Buffer;
}

/** The tiny model as a file in the cache. */
function tinyModel({ key, title, ending, sha256: wanted, encode }: TinyFormat): Piece<Artifact> {
  return {
    name: `Tiny model (random weights${title})`,
    find() {
      const entry = findArtifact(key);
      return Promise.resolve(entry?.sha256 === wanted ? entry : undefined);
    },
    plan: () => Promise.resolve({ how: "written here", seconds: 1 }),
    make() {
      const content = encode();
      const sha256 = createHash("sha256").update(content).digest("hex");
      if (sha256 !== wanted) {
        throw new ToolchainError(
          "The tiny model came out different from what was tested.",
          `expected SHA-256 ${wanted}, found ${sha256}`,
          "Renew its checksum in toolchain/tiny-model*.ts if the model was meant to change.",
        );
      }
      const path = join(cacheFolder(), "artifacts", `tiny-model-${sha256.slice(0, 12)}.${ending}`);
      const unfinished = `${path}.${process.pid}`;
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(unfinished, content);
      renameSync(unfinished, path);
      return Promise.resolve(recordArtifact(key, { path, sha256, origin: "local-build" }));
    },
  };
}

/** For Ollama: one GGUF file. */
export const tinyModelFile = tinyModel({
  key: "tiny-model",
  title: "",
  ending: "gguf",
  sha256: TINY_MODEL_SHA256,
  encode: encodeTinyModel,
});

/** For vLLM: a folder in Hugging Face's format, as an archive. */
export const tinyModelArchive = tinyModel({
  key: "tiny-model-folder",
  title: ", safetensors",
  ending: "tar",
  sha256: TINY_FOLDER_SHA256,
  encode: encodeTinyModelFolder,
});
