import type { PythonRelease } from "./python";

/** Transformers as it can be put on a host: releases with what they need. */

/**
 * Newest first. A release has its lock files in `templates/transformers/<version>-<variant>.txt`; what is put in front of
 * its server, and changed in it, is written for that release (`templates/transformers/door.py`, `serve.py`).
 */
const RELEASES: Readonly<Record<string, PythonRelease>> = {
  "5.23.0": {
    source: "https://pypi.org/project/transformers/5.23.0/",
    date: "2026-11-21",
    python: { cuda: { series: "3.12", managed: "3.12.16" }, cpu: { series: "3.11" } },
    minimumDriver: 580,
    locks: [
      { name: "cuda", variant: "cuda", architecture: "amd64", minimumGlibc: "2.28" },
      { name: "cuda-arm64", variant: "cuda", architecture: "arm64", minimumGlibc: "2.28" },
      { name: "cpu", variant: "cpu", architecture: "amd64", minimumGlibc: "2.28" },
    ],
    installedBytes: { cuda: 8 * 2 ** 30, cpu: 1.5 * 2 ** 30 },
  },
};

export const TRANSFORMERS_VERSIONS = Object.keys(RELEASES);

/** @throws for a version that the catalogue does not have; the configuration refuses it before */
export function transformersRelease(version: string): PythonRelease {
  const release = RELEASES[version];
  if (release === undefined) throw new Error(`the catalogue has no Transformers ${version}`);
  return release;
}
