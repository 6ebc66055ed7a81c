import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { plannedFile } from "../../plan/render/payload";
import type { PlannedArtifact, Step } from "../../plan/step";
import { sha256OfFile } from "../../toolchain/download";

/** Further releases of Ollama where only one can be had: the same program, which tells another version of as many letters. */

export class RenumberedReleases {
  private readonly folder = mkdtempSync(join(tmpdir(), "tms-llm-releases-"));

  /** The archive of a release made from the archive of another. */
  async archive(original: string, from: string, to: string): Promise<{ path: string; sha256: string }> {
    if (from.length !== to.length) throw new Error(`${to} is not as long as ${from}, so the program would be spoilt`);
    // One letter a byte, there and back.
    const content = zstdDecompressSync(readFileSync(original)).toString("latin1").replaceAll(from, to);
    const path = join(this.folder, `ollama-${to}.tar.zst`);
    writeFileSync(path, zstdCompressSync(Buffer.from(content, "latin1")));
    return { path, sha256: await sha256OfFile(path) };
  }

  /** The steps with Ollama's turned into that of the release `to`. */
  async steps(steps: readonly Step[], to: string): Promise<readonly Step[]> {
    const engine = steps.find(({ script }) => script === "ollama.sh")!;
    const [artifact] = engine.artifacts;
    const from = engine.inputs["version"]!;
    const original = artifact?.source.kind === "url" ? artifact.source.orSent?.path : undefined;
    if (artifact === undefined || original === undefined) throw new Error("the archive is not on this machine");
    const { path, sha256 } = await this.archive(original, from, to);
    const archive: PlannedArtifact = { name: artifact.name, sha256, source: { kind: "local", path } };
    const renumbered = (text: string) => text.replaceAll(`/ollama/${from}/`, `/ollama/${to}/`);
    return steps.map((step) =>
      step !== engine
        ? step
        : {
            ...step,
            title: step.title.replace(from, to),
            inputs: { ...step.inputs, version: to },
            files: step.files.map((file) => plannedFile(file.path, renumbered(file.text), file.owner, file.mode)),
            artifacts: [archive],
          },
    );
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
