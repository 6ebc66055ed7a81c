import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { pythonPackages, type PythonDelivery } from "../../toolchain/python-packages";
import { obtain } from "./deployment";

/** The wheels of an engine's lock file, as this machine has them. */

/** Folder of the wheels of an engine's build for CPUs; downloaded where they are missing. */
export async function wheelsOf(engine: PythonDelivery): Promise<string> {
  return dirname((await obtain(pythonPackages(engine))).path);
}

/** The wheel of a package, by the package's name as wheels spell it. */
export const wheelIn = (folder: string, name: string) =>
  join(
    folder,
    readdirSync(folder).find((file) => file.startsWith(`${name}-`) && file.endsWith(".whl"))!,
  );

/** Names that a Python file of a wheel asks the environment for: those that stand in it as whole strings. */
export async function variablesRead(wheel: string, file: string): Promise<ReadonlySet<string>> {
  const program = "import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))";
  const { stdout } = await execa("python3", ["-c", program, wheel, file]);
  return new Set([...stdout.matchAll(/(["'])([A-Z][A-Z0-9_]+)\1/g)].map(([, , name]) => name!));
}
