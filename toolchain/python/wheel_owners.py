#!/usr/bin/env python3
"""Finds paths that two wheels would both install: wheel_owners.py WHEEL…, each a file or an address.

An installer unpacks wheels side by side, and of two files for one path the later one wins: which that is, is left to chance,
and no lock file says it. Files that are the same in both do no harm. Of an address only the wheel's own list is read, by HTTP
ranges: some kilobytes, for which remotezip has to be there.
"""

import configparser
import sys
import zipfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

# Where a wheel's folders of data end up in an environment; `data` is the environment itself.
SCHEMES = {"purelib": "site-packages/", "platlib": "site-packages/", "scripts": "bin/", "headers": "include/", "data": ""}
SCRIPTS = ("console_scripts", "gui_scripts")
# Of two packages the file that builds them from source, left in their wheels by mistake; nothing is built from source.
HARMLESS = {"site-packages/build_backend.py"}


def opened(wheel):
    if "://" not in wheel:
        return zipfile.ZipFile(wheel)
    from remotezip import RemoteZip

    return RemoteZip(wheel)


def installed_path(name):
    first, _, rest = name.partition("/")
    if not first.endswith(".data"):
        return f"site-packages/{name}"
    scheme, _, path = rest.partition("/")
    return f"{SCHEMES[scheme]}{path}"


def contents(wheel):
    """Says what a wheel installs: each path, with what tells its content from another's."""
    found = {}
    with opened(wheel) as archive:
        for entry in archive.infolist():
            if entry.is_dir():
                continue
            found[installed_path(entry.filename)] = f"{entry.CRC:08x} {entry.file_size}"
            if entry.filename.endswith(".dist-info/entry_points.txt"):
                found.update(programs(archive.read(entry).decode()))
    return found


def programs(entry_points):
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str
    parser.read_string(entry_points)
    sections = [parser[section] for section in SCRIPTS if section in parser]
    return {f"bin/{name}": target for section in sections for name, target in section.items()}


def all_contents(wheels):
    """Reads the lists of all wheels: wheel → path → content."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        return dict(zip(wheels, pool.map(contents, wheels), strict=True))


def owners(lists):
    """Pairs each group of wheels with the paths that they would all write, with different content."""
    by_path = defaultdict(dict)
    for wheel, paths in lists.items():
        for path, content in paths.items():
            by_path[path][wheel.rsplit("/", 1)[-1]] = content
    shared = defaultdict(list)
    for path, claims in sorted(by_path.items()):
        if len(set(claims.values())) > 1 and path not in HARMLESS:
            shared[tuple(sorted(claims))].append(path)
    return dict(shared)


def fault(wheels, paths):
    count = "1 path" if len(paths) == 1 else f"{len(paths)} paths"
    return f"{' and '.join(wheels)} both own {count}, such as {paths[0]}"


def main(*wheels):
    faults = [fault(*group) for group in owners(all_contents(wheels)).items()]
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main(*sys.argv[1:])
