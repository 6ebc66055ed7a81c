#!/usr/bin/env bash
# Health of the LLM endpoint, as seen on this host. Exit code 0: all good, or paused; 1: something is not.
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

# A deployment restarts the engine: nothing of what follows would tell a fault from that. The mark goes with the deployment.
if [[ -e /run/httpd-tms-llm/paused ]]; then
  [[ $quiet == --quiet ]] || printf '%-10s PAUSED since %s: a deployment restarts the engine, new requests get 503; journalctl -t tms-llm -f\n' \
    endpoint "$(date -r /run/httpd-tms-llm/paused '+%H:%M:%S')"
  exit 0
fi

if systemctl is-active --quiet tms-ollama.service; then say unit OK "tms-ollama is running"; else say unit FAULT "tms-ollama is not running: journalctl -u tms-ollama"; fi

if answer=$(curl --fail --silent --max-time 5 http://127.0.0.1:11434/api/tags); then
  say engine OK "answers on 127.0.0.1:11434"
  for model in kanana-1.5-8b:latest general:latest; do
    if grep -qF "\"name\":\"$model\"" <<<"$answer"; then say model OK "$model"; else say model FAULT "$model is missing"; fi
  done
else
  say engine FAULT "no answer on 127.0.0.1:11434"
fi

# shellcheck source=/dev/null
source /opt/llm/gpu.sh
if gpu_expected detect; then
  fault=$(gpu_fault)
  if [[ -z $fault ]]; then say gpu OK "answers"; else say gpu FAULT "$fault; journalctl -u tms-llm-gpu"; fi
  # Each start of the engine has the models loaded once, so that one on the CPU shows before a client feels it.
  run=$(systemctl show --property InvocationID --value tms-ollama.service)
  seen=/run/tms-llm-gpu-seen
  for model in kanana-1.5-8b:latest general:latest; do
    if [[ $(cat "$seen" 2>/dev/null) != "$run" ]] &&
      ! curl --fail --silent --max-time 900 --output /dev/null --data "{\"model\":\"$model\"}" http://127.0.0.1:11434/api/generate; then
      say placement FAULT "$model could not be loaded: journalctl -u tms-ollama"
    elif [[ -z $(ollama_placement 11434 "$model") ]]; then
      say placement OK "$model is not loaded at the moment"
    else
      fault=$(ollama_gpu_fault 11434 "$model")
      if [[ -z $fault ]]; then say placement OK "$model lies on the GPU"; else say placement FAULT "$model: $fault"; fi
    fi
  done
  echo "$run" >"$seen"
fi

if curl --fail --silent --insecure --max-time 5 --output /dev/null https://127.0.0.1:443/health; then
  say gateway OK "answers on port 443"
else
  say gateway FAULT "no healthy answer on port 443: nginx -t; journalctl -u nginx"
fi

# Keys with a last day: told by hand at any time, in the journal once a day. nginx refuses them by itself when it is over.
announced=/run/tms-llm-keys-announced
if [[ $quiet != --quiet || $(cat "$announced" 2>/dev/null) != "$(date +%F)" ]]; then
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
  [[ $quiet != --quiet ]] || date +%F >"$announced"
fi

exit "$status"
