#!/usr/bin/env bash
# Health of the LLM endpoint, as seen on this host. Exit code 0: all good, or paused; 1: something is not.
# --quiet prints faults only.
set -uo pipefail

# What is asked on loopback goes by no proxy of the host's.
export no_proxy=${no_proxy:+$no_proxy,}127.0.0.1,localhost NO_PROXY=${NO_PROXY:+$NO_PROXY,}127.0.0.1,localhost

quiet=no status=0
if [[ " $* " == *" --quiet "* ]]; then quiet=yes; fi

say() { # NAME OK|FAULT DETAIL
  if [[ $2 == OK ]]; then
    [[ $quiet == yes ]] || printf '%-10s OK     %s\n' "$1" "$3"
  else
    printf '%-10s FAULT  %s\n' "$1" "$3"
    status=1
  fi
}

[[ $quiet == yes ]] || printf 'LLM health check, %s\n' "$(date '+%Y-%m-%d %H:%M:%S')"

# A deployment restarts the engine: nothing of what follows would tell a fault from that. The mark goes with the deployment.
if [[ -e /run/httpd-tms-llm/paused ]]; then
  [[ $quiet == yes ]] || printf '%-10s PAUSED since %s: a deployment restarts the engine, new requests get 503; journalctl -t tms-llm -f\n' \
    endpoint "$(date -r /run/httpd-tms-llm/paused '+%H:%M:%S')"
  exit 0
fi

if systemctl is-active --quiet llm-transformers.service; then say unit OK "llm-transformers.service is running"; else say unit FAULT "llm-transformers.service is not running: journalctl -u llm-transformers.service"; fi

if answer=$(curl --fail --silent --max-time 5 --unix-socket /run/httpd-llm-transformers/engine.sock http://localhost/v1/models); then
  say engine OK "answers on /run/httpd-llm-transformers/engine.sock"
  for model in tiny; do
    if grep -qF "\"id\":\"$model\"" <<<"$answer"; then say model OK "$model"; else say model FAULT "$model is not served"; fi
  done
else
  say engine FAULT "no answer on /run/httpd-llm-transformers/engine.sock; after a start that takes minutes: journalctl -u llm-transformers.service"
fi

if curl --fail --silent --insecure --max-time 5 --output /dev/null https://127.0.0.1:443/health; then
  say gateway OK "answers on port 443"
else
  say gateway FAULT "no healthy answer on port 443: nginx -t; journalctl -u nginx"
fi

# Keys with a last day: told by hand at any time, in the journal once a day. nginx refuses them by itself when it is over.
announced=/run/tms-llm-keys-announced
if [[ $quiet != yes || $(cat "$announced" 2>/dev/null) != "$(date +%F)" ]]; then
  while read -r key last_day end; do
    days=$(((end - $(date +%s)) / 86400))
    if [[ -z $key ]] || ((days > 14)); then continue; fi
    if ((end <= $(date +%s))); then
      printf '%-10s ENDED  %s was refused from the end of %s (UTC) on\n' key "$key" "$last_day"
    else
      printf '%-10s SOON   %s ends in %d days, with %s (UTC)\n' key "$key" "$days" "$last_day"
    fi
  done <<'KEYS'
KEYS
  [[ $quiet != yes ]] || date +%F >"$announced"
fi

exit "$status"
