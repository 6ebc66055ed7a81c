"""Runs the ufw commands on standard input, one rule a line, in one process: started for each, ufw needs 0.12 s a rule."""

import gettext
import sys

import ufw.common
import ufw.frontend
import ufw.util

gettext.install(ufw.common.programName)
lock = ufw.util.create_lock()
try:
    frontend = ufw.frontend.UFWFrontend(False)
    for line in sys.stdin:
        command = ufw.frontend.parse_command(["ufw", *line.split()])
        frontend.do_action(command.action, command.data["rule"], command.data["iptype"], True)
except ufw.common.UFWError as error:
    sys.exit(f"{line.strip()}: {error.value}")
finally:
    ufw.util.release_lock(lock)
