#!/usr/bin/env bash
# What is deployed and what differs from it, as JSON lines. Reads only.
set -euo pipefail
STATE=/var/lib/tms-llm
cd "$STATE"

quoted() { if [[ -e $1 ]]; then printf '"%s"' "$(<"$1")"; else printf null; fi; }

printf '{"owner":%s,"digest":%s}\n' "$(quoted owner)" "$(quoted digest)"
for phase in phases/*/; do
  phase=${phase%/}
  [[ $phase != *.old && -e $phase/phase ]] || continue
  printf '{"phase":%s,"digest":%s}\n' "$(quoted "$phase/phase")" "$(quoted "$phase/done")"
  if [[ -e $phase/done ]] && ! bash "$phase/lib/phase.sh" check "$STATE/$phase"; then
    printf '{"phase":%s,"step":"%s","what":"check","expected":"runs","found":"failed"}\n' "$(quoted "$phase/phase")" "${phase##*/}"
  fi
done
