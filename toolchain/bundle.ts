import { createHash } from "node:crypto";
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import type { Plugin } from "esbuild";
import { PROJECT } from "./places";

/** A plugin of Pulumi's in TypeScript, to be made into one file that loads fast and needs no packages beside it. */
export interface BundleOptions {
  /** Its main file. */
  readonly entry: string;
  /** Where the result goes: `plugin.js`, and the program that starts it with the `node` on PATH. */
  readonly directory: string;
  /** Name of that program, by which Pulumi looks for it. */
  readonly program: string;
  /** For esbuild. */
  readonly plugins?: readonly Plugin[];
}

/** What a folder was made from: a hash over the project's own files in the bundle, and over the lock file for the rest. */
const STAMP = "inputs.json";

interface Stamp {
  readonly files: readonly string[];
  readonly hash: string;
}

/** Makes the bundle; a folder whose sources have not changed is kept. */
export async function makeBundle(options: BundleOptions): Promise<void> {
  const { directory } = options;
  if (await isCurrent(directory)) return;
  // Made beside the final place and moved there whole: an interrupted build leaves nothing that looks finished.
  const unfinished = `${directory}.${process.pid}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  await build(options, unfinished);
  await rm(directory, { recursive: true, force: true });
  try {
    await rename(unfinished, directory);
  } catch (error) {
    // Another build of the same sources may have come first; its result is as good.
    await rm(unfinished, { recursive: true, force: true });
    if (!(await isCurrent(directory))) throw error;
  }
}

async function build({ entry, program, plugins = [] }: BundleOptions, folder: string): Promise<void> {
  // Loaded here: a run that finds everything in place bundles nothing.
  const esbuild = await import("esbuild");
  const result = await esbuild.build({
    entryPoints: [entry],
    outfile: join(folder, "plugin.js"),
    absWorkingDir: PROJECT,
    bundle: true,
    platform: "node",
    target: "node20",
    minify: true,
    keepNames: true,
    metafile: true,
    logLevel: "error",
    plugins: [...plugins],
  });
  const inputs = Object.keys(result.metafile.inputs).filter((input) => !input.includes(":"));
  const own = inputs
    .map((input) => resolve(PROJECT, input))
    .filter((file) => !file.includes(`${sep}node_modules${sep}`));
  const files = [...own, join(PROJECT, "package-lock.json"), __filename];
  const stamp: Stamp = { files, hash: await hashOf(files) };
  await writeFile(join(folder, STAMP), JSON.stringify(stamp));
  await writeFile(join(folder, program), STARTER);
  await chmod(join(folder, program), 0o755);
}

/** The engine may start a plugin through a link, so the bundle is looked for beside the real file. */
const STARTER = `#!/bin/sh
exec node "$(dirname "$(readlink -f "$0")")/plugin.js" "$@"
`;

/** Whether the folder holds a whole bundle of the present sources. */
export async function isCurrent(directory: string): Promise<boolean> {
  try {
    const stamp = JSON.parse(await readFile(join(directory, STAMP), "utf8")) as Stamp;
    return stamp.hash === (await hashOf(stamp.files));
  } catch (error) {
    // Never built, half removed, or a source that is gone: in each case it is built anew.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

async function hashOf(files: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const file of files)
    hash
      .update(file)
      .update("\0")
      .update(await readFile(file));
  return hash.digest("hex");
}
