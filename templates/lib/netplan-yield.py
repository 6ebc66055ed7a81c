"""netplan-yield.py INTERFACE FAMILIES NAMESERVERS FILE: prints a netplan file without what it says of the addresses of an
interface. netplan joins the lists of all files, so what another file lists would stand beside a fixed address. FAMILIES is
"4", "6" or both; NAMESERVERS is empty where those of the file stay. Exit code 3 where there is nothing to take out."""

import ipaddress
import sys

import yaml


def version(address):
    """Of an address with or without prefix, or of one with options of its own."""
    text = next(iter(address)) if isinstance(address, dict) else address
    return str(ipaddress.ip_interface(text).version)


def is_default(route, families):
    to = route.get("to")
    if to not in ("default", "0.0.0.0/0", "::/0"):
        return False
    return version(route["via"]) in families if "via" in route else ("6" if to == "::/0" else "4") in families


def without(settings, families, nameservers):
    kept = dict(settings)
    for family in families:
        kept.pop(f"gateway{family}", None)
    if nameservers:
        kept.pop("nameservers", None)
    if "addresses" in kept:
        kept["addresses"] = [address for address in kept["addresses"] if version(address) not in families]
    if "routes" in kept:
        kept["routes"] = [route for route in kept["routes"] if not is_default(route, families)]
    return {key: value for key, value in kept.items() if value != []}


interface, families, nameservers, path = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    # Every scalar as the text that it is: YAML 1.1 would take a MAC address for a number.
    document = yaml.load(file, yaml.BaseLoader) or {}
network = document.get("network") or {}
taken_out = False
for kind in ("ethernets", "bonds", "bridges", "vlans", "wifis"):
    settings = (network.get(kind) or {}).get(interface)
    if isinstance(settings, dict) and without(settings, families, nameservers) != settings:
        network[kind][interface] = without(settings, families, nameservers)
        taken_out = True
if not taken_out:
    sys.exit(3)
print(f"# Without the addresses of {interface}, which are fixed by tms-llm.")
yaml.safe_dump(document, sys.stdout, sort_keys=False)
