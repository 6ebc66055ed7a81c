#!/usr/bin/env bash
# Health of the LLM endpoint, as seen on this host. Exit code 0: all good; 1: something is not.
# --quiet prints faults only.
set -uo pipefail

quiet=${1:-}
status=0

say() { # NAME OK|FAULT DETAIL
  if [[ $2 == OK ]]; then
    [[ $quiet == --quiet ]] || printf '%-10s OK     %s\n' "$1" "$3"
  else
    printf '%-10s FAULT  %s\n' "$1" "$3"
    status=1
  fi
}

[[ $quiet == --quiet ]] || printf 'LLM health check, %s\n' "$(date '+%Y-%m-%d %H:%M:%S')"

{{engine}}

if curl --fail --silent --insecure --max-time 5 --output /dev/null {{scheme}}://127.0.0.1:{{gatewayPort}}/health; then
  say gateway OK "answers on port {{gatewayPort}}"
else
  say gateway FAULT "no healthy answer on port {{gatewayPort}}: nginx -t; journalctl -u nginx"
fi

exit "$status"
