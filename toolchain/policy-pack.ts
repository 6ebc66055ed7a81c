import { join } from "node:path";
import type { Plugin } from "esbuild";
import { isCurrent, makeBundle } from "./bundle";
import type { Intent, Piece } from "./piece";
import { PROJECT } from "./places";
import { PULUMI_HOME } from "./plugins";

/** Where Pulumi looks for what serves a pack of the runtime `tms-llm`; on PATH it would warn of it at each run. */
const DIRECTORY = join(PULUMI_HOME, "plugins", "analyzer-policy-tms-llm-v0.1.0");

/**
 * Of the SDK a pack needs the classes of assets and outputs; the whole of it takes half a second to load, at each run.
 */
const LITTLE_OF_THE_SDK: Plugin = {
  name: "little-of-the-sdk",
  setup(bundle) {
    bundle.onResolve({ filter: /^@pulumi\/pulumi$/ }, () => ({ path: "pulumi", namespace: "little" }));
    bundle.onLoad({ filter: /^pulumi$/, namespace: "little" }, () => ({
      contents: 'export * as asset from "@pulumi/pulumi/asset"; export { Output } from "@pulumi/pulumi/output";',
      resolveDir: PROJECT,
    }));
  },
};

/** The program that serves the policy pack. */
export const policyPack: Piece<string> = {
  name: "Policy pack",
  async find() {
    return (await isCurrent(DIRECTORY)) ? DIRECTORY : undefined;
  },
  plan: (): Promise<Intent> => Promise.resolve({ how: "bundled from policy/", seconds: 1 }),
  async make() {
    await makeBundle({
      entry: join(PROJECT, "policy", "pack.ts"),
      directory: DIRECTORY,
      program: "pulumi-analyzer-policy-tms-llm",
      plugins: [LITTLE_OF_THE_SDK],
    });
    return DIRECTORY;
  },
};
