import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Plugin } from "esbuild";
import { makeBundle } from "../bundle";

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
      await makeBundle({
        entry: join(__dirname, `${name}.ts`),
        directory,
        program: `pulumi-resource-${name}`,
        plugins: [WITHOUT_NATIVE_ADD_ONS],
      });
      return { name, version, directory };
    }),
  );
}

/** ssh2's native parts are an option that it does without; inside a bundle they could not be found. */
const WITHOUT_NATIVE_ADD_ONS: Plugin = {
  name: "without-native-add-ons",
  setup(bundle) {
    bundle.onResolve({ filter: /(^cpu-features|\.node)$/ }, ({ path }) => ({ path, external: true }));
  },
};

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
