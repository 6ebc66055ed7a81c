import type { Mirrors } from "../config/mirrors";
import { pinnedRepository } from "../config/model-source";
import { HUGGING_FACE_TOKEN } from "../config/stack-secrets";
import { huggingFaceEndpoint } from "../mirrors";
import { plannedFile } from "../render/payload";
import { templateText } from "../render/template-files";
import type { ResolvedModel } from "../sizing/resolved";
import type { PlannedFile } from "../step";

/** Weights that the host fetches from Hugging Face, with the client of the engine's own environment. */

export interface FetchedWeights {
  /** One per model and commit, the same for every engine. */
  readonly folder: string;
  /** What the model's step is told. */
  readonly inputs: Readonly<Record<string, string>>;
  /** The program that fetches. */
  readonly files: readonly PlannedFile[];
}

/** @param home folder of the engine. @returns undefined for a source that is no commit on Hugging Face */
export function fetchedWeights(
  { source, download }: Pick<ResolvedModel, "source" | "download">,
  mirrors: Pick<Mirrors, "huggingFace">,
  home: string,
): FetchedWeights | undefined {
  const pinned = pinnedRepository(source);
  if (pinned === undefined) return undefined;
  const { repository, commit } = pinned;
  const program = `${home}/fetch.py`;
  return {
    folder: `/opt/llm/models/huggingface/${repository.replace("/", "--")}-${commit.slice(0, 12)}`,
    inputs: {
      repository,
      commit,
      endpoint: huggingFaceEndpoint(mirrors),
      download: download ? "yes" : "",
      fetch: program,
      token: `{{secret?:${HUGGING_FACE_TOKEN}}}`,
    },
    files: [plannedFile(program, templateText("huggingface/fetch.py"))],
  };
}
