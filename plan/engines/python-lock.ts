import type { PythonLock, PythonRelease, PythonVariant } from "../catalog/python";
import { PYTHON_ENGINES, type PythonEngineKind } from "../catalog/python-engines";
import { compareVersions } from "../compatibility";
import type { Engine } from "../config/schema";
import type { HostFacts } from "../host-facts";
import type { Refusal } from "../preflight/refusal";

/** Which lock file of a release a host takes: build × architecture × C library. */

type PythonEngine = Extract<Engine, { kind: PythonEngineKind }>;

const releaseOf = ({ kind, version }: PythonEngine): PythonRelease => PYTHON_ENGINES[kind].release(version);

/**
 * The lock file for a host, or the default where nobody has measured it. Of a host with an older C library than all of them
 * need it is the one that needs the least, which the compatibility table refuses; undefined for another architecture.
 */
export function chooseLock(
  { locks }: Pick<PythonRelease, "locks">,
  variant: PythonVariant,
  host: Pick<HostFacts, "architecture" | "glibc"> | undefined,
): PythonLock | undefined {
  const built = locks.filter((lock) => lock.variant === variant);
  if (host === undefined) return built[0];
  const { architecture, glibc } = host;
  const own = built.filter((lock) => lock.architecture === architecture);
  const takes = ({ minimumGlibc }: PythonLock) => glibc !== null && compareVersions(glibc, minimumGlibc) >= 0;
  return own.find(takes) ?? own.sort((one, other) => compareVersions(one.minimumGlibc, other.minimumGlibc))[0];
}

export const engineLock = (engine: PythonEngine, host: HostFacts | undefined): PythonLock | undefined =>
  chooseLock(releaseOf(engine), engine.variant, host);

/** Whether the host has to be measured before its lock file is known. */
export const needsLock = (engine: Engine): boolean =>
  engine.kind !== "ollama" && releaseOf(engine).locks.filter(({ variant }) => variant === engine.variant).length > 1;

/** Lowest GNU C library with which a host of the same architecture takes any lock file of the release. */
export function lowestGlibc(engine: PythonEngine & { readonly lock: PythonLock }): string {
  const { architecture, minimumGlibc } = engine.lock;
  return chooseLock(releaseOf(engine), engine.variant, { architecture, glibc: null })?.minimumGlibc ?? minimumGlibc;
}

/** Nothing is planned for a host that could not run it. */
export function architectureRefused(engine: PythonEngine, { architecture }: HostFacts): Refusal {
  const { product } = PYTHON_ENGINES[engine.kind];
  const known = releaseOf(engine).locks.filter(({ variant }) => variant === engine.variant);
  return {
    id: "architecture",
    what: `${product} ${engine.version} has no packages for the host's processor architecture`,
    found: architecture,
    needed: [...new Set(known.map((lock) => lock.architecture))].join(" or "),
    wayOut: "choose a host of such an architecture; or set engine.kind to ollama, where it is released for the host's",
  };
}
