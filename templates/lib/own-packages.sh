#!/usr/bin/env bash
# Called by apt with the archives that it is about to unpack, one a line: what is new on the host goes on the ledger first.
set -euo pipefail
STATE=/var/lib/tms-llm
VERB=apply
LIB=$(cd "$(dirname "$0")" && pwd)
for part in report ledger files packages-apt; do
  # shellcheck source=/dev/null
  source "$LIB/$part.sh"
done
export PHASE STEP RUN_DIR STATE VERB

while read -r archive; do
  name=$(basename "$archive")
  name=${name%%_*}
  package_installed "$name" || own package "$name" absent
done
