"""The benchmark's host work for pyinfra, as an operator would write it for speed: packages in one transaction, the firewall's
rules in one operation, nginx reloaded only when something changed."""

import json
import os
from pathlib import Path

from pyinfra import host
from pyinfra.facts.server import Command
from pyinfra.operations import apt, files, server, systemd

work = json.loads(Path(os.environ["BENCH_WORK"]).read_text())


def put(file):
    return files.put(
        name=file["path"],
        src=file["source"],
        dest=file["path"],
        user=file["user"],
        group=file["group"],
        mode=file["mode"],
    )


apt.packages(name="packages", packages=work["packages"], no_recommends=True)

server.user(
    name="user",
    user=work["user"]["name"],
    home=work["user"]["home"],
    shell="/usr/sbin/nologin",
    system=True,
    groups=work["user"]["groups"],
    append=True,
    ensure_home=False,
)
for folder in work["folders"]:
    files.directory(
        name=folder["path"], path=folder["path"], user=folder["user"], group=folder["group"], mode=folder["mode"]
    )
for file in work["files"]:
    put(file)

# ufw's own files are read: asking ufw itself would start Python on the host once more.
present = host.get_fact(Command, "cat /etc/ufw/ufw.conf /etc/ufw/user.rules /etc/ufw/user6.rules 2>/dev/null || :") or ""
missing = [rule["command"] for rule in work["rules"] if rule["tuple"] not in present]
if "ENABLED=yes" not in present:
    missing.append("ufw --force enable")
if missing:
    server.shell(name="firewall", commands=missing)

changes = [put(file) for file in work["gatewayFiles"]]
changes += [files.link(name=path, path=path, present=False) for path in work["absent"]]
server.shell(
    name="reload nginx",
    commands=["nginx -t -q", "systemctl reload nginx"],
    _if=lambda: any(change.did_change() for change in changes),
)
systemd.service(name="nginx", service="nginx.service", running=True, enabled=True)
