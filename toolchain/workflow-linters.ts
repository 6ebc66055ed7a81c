import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "./command";
import { buildWithGo, findGo } from "./go-build";
import { findInstrument, type Instrument } from "./instrument";
import { makeOnce } from "./once";
import type { Piece } from "./piece";
import { cacheFolder } from "./places";

/** What judges the workflows in .github: actionlint their form, zizmor their safety. */

const ACTIONLINT = "1.7.12";
const ZIZMOR = "1.32.0";

const place = (name: string, version: string) => join(cacheFolder(), "instruments", `${name}-${version}`);

/** Built from its Go module: its package on PyPI fetches the program from elsewhere. */
export const actionlint: Piece<Instrument> = {
  name: `actionlint ${ACTIONLINT} (for tests)`,
  find: () => Promise.resolve(findInstrument("actionlint", place("actionlint", ACTIONLINT))),
  async plan() {
    await findGo("actionlint for the tests");
    return { how: "built here from its Go module", seconds: 20 };
  },
  async make(report) {
    const go = await findGo("actionlint for the tests");
    const folder = place("actionlint", ACTIONLINT);
    await makeOnce(
      folder,
      async (path) => {
        mkdirSync(path);
        report("compiling");
        await buildWithGo(go, {
          module: `github.com/rhysd/actionlint@v${ACTIONLINT}`,
          packagePath: "github.com/rhysd/actionlint/cmd/actionlint",
          output: join(path, "actionlint"),
          linkerFlags: "-s -w",
          log: "test-instruments",
          env: { CGO_ENABLED: "0" },
        });
      },
      () => report("waiting for another run"),
    );
    return { folder };
  },
};

/** A wheel from PyPI, which holds the program itself. */
export const zizmor: Piece<Instrument> = {
  name: `zizmor ${ZIZMOR} (for tests)`,
  find: () => Promise.resolve(findInstrument("zizmor", join(place("zizmor", ZIZMOR), "bin"))),
  plan: () => Promise.resolve({ how: "wheel from PyPI, unpacked into the cache and not installed", seconds: 5 }),
  async make(report) {
    const folder = place("zizmor", ZIZMOR);
    await makeOnce(
      folder,
      async (path) => {
        report("fetching the wheel");
        const only = ["--no-deps", "--only-binary=:all:", "--no-compile", "--disable-pip-version-check", "--quiet"];
        await runCommand("python3", ["-m", "pip", "install", ...only, "--target", path, `zizmor==${ZIZMOR}`], {
          log: "test-instruments",
          failure: "zizmor for the tests could not be had.",
          wayOut: "Install zizmor, or go without: the tests that need it are skipped.",
          timeoutSeconds: 120,
        });
      },
      () => report("waiting for another run"),
    );
    return { folder: join(folder, "bin") };
  },
};
