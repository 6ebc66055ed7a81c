import type { Facts } from "../facts";
import type { Refusal } from "./refusal";
import type { Requirements } from "./requirements";

/** Triton compiles against the headers of the engine's Python; where that is the host's own, they are a package of their own. */
export function judgePythonHeaders(
  { pythons, pythonsWithHeaders, os }: Facts,
  { pythonHeaders: series }: Requirements,
): Refusal[] {
  if (series === undefined || pythonsWithHeaders === undefined) return [];
  const ofSeries = (version: string) => version.startsWith(`${series}.`);
  if (pythonsWithHeaders.some(ofSeries)) return [];
  const found = pythons.find(ofSeries);
  return [
    {
      id: "python-headers",
      what: `The host's own Python ${series} lacks the headers that the engine compiles against`,
      found: found === undefined ? `no Python ${series}` : `Python ${found} without Python.h`,
      needed: `Python ${series} with its headers, since engine.packages is a folder`,
      wayOut: `${installation(os.family, series)}; or set engine.packages to index, which brings a Python with headers`,
    },
  ];
}

function installation(family: Facts["os"]["family"], series: string): string {
  const packages = `python${series} python${series}-${family === "rhel" ? "devel" : "dev"}`;
  const tool = family === "rhel" ? "dnf install" : "apt-get install";
  return `on the host: ${tool} ${packages}, where its repositories have that series; one that was built from source has its headers beside it`;
}
