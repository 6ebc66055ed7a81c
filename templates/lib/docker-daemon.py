"""Docker's configuration as data. `same A B`: exit code 0 where both say the same. `without NOW BEFORE`: NOW on standard
output, without what a container toolkit adds, as far as BEFORE had it not."""

import json
import sys


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def without(now, before):
    for section, key in (("runtimes", "nvidia"), ("features", "cdi")):
        if key in before.get(section, {}):
            continue
        now.get(section, {}).pop(key, None)
        if not now.get(section, True) and section not in before:
            del now[section]
    return now


verb, one, other = sys.argv[1:]
if verb == "same":
    sys.exit(0 if read(one) == read(other) else 1)
json.dump(without(read(one), read(other)), sys.stdout, indent=4)
print()
