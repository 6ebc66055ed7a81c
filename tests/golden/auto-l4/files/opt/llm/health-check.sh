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

if systemctl is-active --quiet tms-ollama.service; then say unit OK "tms-ollama is running"; else say unit FAULT "tms-ollama is not running: journalctl -u tms-ollama"; fi

if answer=$(curl --fail --silent --max-time 5 http://127.0.0.1:11434/api/tags); then
  say engine OK "answers on 127.0.0.1:11434"
  for model in kanana-1.5-8b:latest eeve:latest; do
    if grep -qF "\"name\":\"$model\"" <<<"$answer"; then say model OK "$model"; else say model FAULT "$model is missing"; fi
  done
else
  say engine FAULT "no answer on 127.0.0.1:11434"
fi

if curl --fail --silent --insecure --max-time 5 --output /dev/null https://127.0.0.1:443/health; then
  say gateway OK "answers on port 443"
else
  say gateway FAULT "no healthy answer on port 443: nginx -t; journalctl -u nginx"
fi

exit "$status"
