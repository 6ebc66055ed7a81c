import { createHash } from "node:crypto";
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";

/** A stand-in, ready for `pulumi plugin install resource <name> <version> -f <directory>`. */
export interface BuiltStandIn {
  readonly name: string;
  /** Version of the official plugin that it stands in for; the npm package of the same name asks for it. */
  readonly version: string;
  readonly directory: string;
}

/** Name and version of each stand-in; the versions are those of the npm packages in package.json. */
export const STAND_INS = [
  { name: "command", version: "1.2.1" },
  { name: "random", version: "4.21.2" },
  { name: "docker", version: "4.11.2" },
] as const;

/** What a built folder was made from: a hash over every bundled file and over this one. */
const STAMP = "inputs.json";

interface Stamp {
  readonly files: readonly string[];
  readonly hash: string;
}

/**
 * Bundles each stand-in into `<outDir>/<name>`: `plugin.js`, with all it needs in one file, and the executable
 * `pulumi-resource-<name>` that starts it with the `node` on PATH. A folder whose sources have not changed is kept.
 *
 * @param outDir folder for the results, made where missing.
 * @returns one entry a plugin, in the order of {@link STAND_INS}.
 */
export async function buildStandIns(outDir: string): Promise<BuiltStandIn[]> {
  return Promise.all(
    STAND_INS.map(async ({ name, version }) => {
      const directory = resolve(outDir, name);
      if (!(await isCurrent(directory))) await buildOne(name, directory);
      return { name, version, directory };
    }),
  );
}

async function buildOne(name: string, directory: string): Promise<void> {
  // Made beside the final place and moved there whole: an interrupted build leaves nothing that looks finished.
  const unfinished = `${directory}.${process.pid}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  const result = await build({
    entryPoints: [join(__dirname, `${name}.ts`)],
    outfile: join(unfinished, "plugin.js"),
    bundle: true,
    platform: "node",
    target: "node20",
    minify: true,
    keepNames: true,
    metafile: true,
    logLevel: "error",
    plugins: [WITHOUT_NATIVE_ADD_ONS],
  });
  const files = [
    ...Object.keys(result.metafile.inputs)
      .filter(isOnDisk)
      .map((file) => resolve(file)),
    __filename,
  ];
  const stamp: Stamp = { files, hash: await hashOf(files) };
  await writeFile(join(unfinished, STAMP), JSON.stringify(stamp));
  const wrapper = join(unfinished, `pulumi-resource-${name}`);
  await writeFile(wrapper, WRAPPER);
  await chmod(wrapper, 0o755);
  await rm(directory, { recursive: true, force: true });
  try {
    await rename(unfinished, directory);
  } catch (error) {
    // Another build of the same sources may have come first; its result is as good.
    await rm(unfinished, { recursive: true, force: true });
    if (!(await isCurrent(directory))) throw error;
  }
}

/** The engine may start a plugin through a link, so the bundle is looked for beside the real file. */
const WRAPPER = `#!/bin/sh
exec node "$(dirname "$(readlink -f "$0")")/plugin.js" "$@"
`;

/** ssh2's native parts are an option that it does without; inside a bundle they could not be found. */
const WITHOUT_NATIVE_ADD_ONS: Plugin = {
  name: "without-native-add-ons",
  setup(bundle) {
    bundle.onResolve({ filter: /(^cpu-features|\.node)$/ }, ({ path }) => ({ path, external: true }));
  },
};

function isOnDisk(input: string): boolean {
  return !input.includes(":");
}

async function isCurrent(directory: string): Promise<boolean> {
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

if (process.argv[1] !== undefined && pathToFileURL(process.argv[1]).href === pathToFileURL(__filename).href) {
  void main(process.argv[2]);
}

async function main(outDir: string | undefined): Promise<void> {
  if (outDir === undefined) {
    process.stderr.write("Usage: npx tsx toolchain/stand-ins/build.ts <outDir>\n");
    process.exitCode = 4;
    return;
  }
  for (const { name, version, directory } of await buildStandIns(outDir)) {
    process.stdout.write(`${name} ${version} ${directory}\n`);
  }
}
