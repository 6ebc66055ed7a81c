# shellcheck shell=bash
# The fixed address, ready to be set.

step() { ensure_fixed_address; }
