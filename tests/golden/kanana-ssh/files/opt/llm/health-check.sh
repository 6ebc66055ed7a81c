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
  while read -r path model; do
    # To "generate" the input says nothing; a model for embeddings refuses that path.
    if [[ $(cat "$seen" 2>/dev/null) != "$run" ]] &&
      ! curl --fail --silent --max-time 900 --output /dev/null --data "{\"model\":\"$model\",\"input\":\"ping\"}" "http://127.0.0.1:11434/api/$path"; then
      say placement FAULT "$model could not be loaded: journalctl -u tms-ollama"
    elif [[ -z $(ollama_placement 11434 "$model") ]]; then
      say placement OK "$model is not loaded at the moment"
    else
      fault=$(ollama_gpu_fault 11434 "$model")
      if [[ -z $fault ]]; then say placement OK "$model lies on the GPU"; else say placement FAULT "$model: $fault"; fi
    fi
  done <<'MODELS'
generate kanana-1.5-8b:latest
generate general:latest
MODELS
  echo "$run" >"$seen"
fi

# Ollama 0.17 can lose a seat for good when a client leaves a stream (its issue 17131): it lists its models and answers nobody.
# Only an answer shows that it has not. To ask costs the seat what it has read so far, so the timer's check needs a reason.
# --heal restarts an engine that has lost its seats.
seats=/run/tms-llm-seats heal=no patience=25
if [[ " $* " == *" --heal "* ]]; then heal=yes; fi
mkdir -p "$seats"

# Processor time of the engine's runners, in hundredths of a second; the server's is left out, which this check keeps busy.
computed() {
  local server
  server=$(systemctl show --property MainPID --value tms-ollama.service)
  grep -ls '/tms-ollama\.service$' /proc/[0-9]*/cgroup | grep -v "^/proc/$server/" | sed 's|cgroup$|stat|' |
    xargs --no-run-if-empty cat 2>/dev/null | sed 's/^.*) //' | awk '{ ticks += $12 + $13 } END { print ticks + 0 }'
}

# connections: "WAITING SLOW": on how many a question has stood for five seconds without a word; on how many the client does
# not take what the engine has said, which keeps a seat while nothing is computed. nginx keeps further ones open, on which the
# engine has spoken last.
connections() {
  ss --no-header --tcp --numeric --info state established "sport = :11434" | awk '
    function of(name) { return match($0, name ":[0-9]+") ? substr($0, RSTART + length(name) + 1, RLENGTH - length(name) - 1) + 0 : 0 }
    /^[0-9]/ && $2 > 0 { slow++ }
    /bytes_received:/ {
      asked = !of("bytes_sent") || of("lastrcv") < of("lastsnd")
      if (asked && of("lastrcv") >= 5000) waiting++
    }
    END { print waiting + 0, slow + 0 }'
}

# in_memory: when each model is going to be unloaded. While one is loading or a request ends, the times move; while a
# question stands, they do not.
in_memory() { curl --fail --silent --max-time 5 http://127.0.0.1:11434/api/ps | grep -o '"expires_at":"[^"]*"'; }

# loaded MODEL: found by its digest, since a model that was copied while it was loaded is listed under its former name.
loaded() {
  local digest
  digest=$(tr '{' '\n' <<<"$answer" | grep -F "\"name\":\"$1\"" | grep -o '"digest":"[0-9a-f]*"')
  [[ -n $digest ]] && curl --fail --silent --max-time 5 http://127.0.0.1:11434/api/ps | grep -qF "$digest"
}

# ask USE MODEL SECONDS: for one token or one vector; prints the status, 000 where there was none in time.
ask() {
  local path=chat/completions body='"max_tokens":1,"messages":[{"role":"user","content":"ping"}]'
  if [[ $1 == embeddings ]]; then path=embeddings body='"input":"ping"'; fi
  curl --silent --max-time "$3" --output /dev/null --write-out '%{http_code}' --header 'Content-Type: application/json' \
    --data "{\"model\":\"$2\",$body}" "http://127.0.0.1:11434/v1/$path"
}

# reason_to_ask: somebody waits while nothing is computed; or the engine was used since it last answered a check, ten minutes
# ago or more.
reason_to_ask() {
  local waiting before at work
  [[ $quiet == yes ]] || return 0
  before=$(computed)
  read -r waiting _ < <(connections)
  if ((waiting > 0)); then
    sleep 1
    if (($(computed) - before <= 1)); then return 0; fi
  fi
  if ! read -r at work <"$seats/answered"; then return 0; fi
  (($(date +%s) - at >= 600 && (before < work || before > work + 5)))
} 2>/dev/null

# settled SECONDS: whether the question has an answer within them; a full queue is none.
settled() {
  local deadline=$((SECONDS + $1)) status
  while ((SECONDS < deadline)); do
    status=$(<"$seats/status")
    case $status in '' | 000 | 503) sleep 0.1 ;; *) return 0 ;; esac
  done
  return 1
}

# check_seat USE MODEL: an engine that is at work for others may keep a question waiting for as long as it likes. A seat counts
# as lost when nothing was computed and nothing moved all the while.
check_seat() {
  local before memory still after slow question
  : >"$seats/status"
  ask "$1" "$2" "$patience" >"$seats/status" &
  question=$!
  if ! settled 2; then
    # Both readings are taken while the question stands: its end moves what Ollama says.
    before=$(computed) memory=$(in_memory)
    if ! settled $((patience - 7)); then
      after=$(computed) still=$(in_memory)
      read -r _ slow < <(connections)
      wait "$question"
      if [[ -z $memory || $memory != "$still" ]]; then
        say seat OK "$2: a model is being loaded, or others are answered"
      elif ((slow > 0)); then
        say seat OK "$2: a client is slow to take its answer"
      elif ((after >= before && after - before <= 4)); then
        lost "$1" "$2" "no answer from $2 within $patience s, and the engine computed nothing meanwhile"
      else
        say seat OK "$2: the engine is at work for others"
      fi
      return
    fi
  fi
  wait "$question"
  if [[ $(<"$seats/status") == 200 ]]; then
    echo "$(date +%s) $(computed)" >"$seats/answered"
    say seat OK "$2 answers"
  else
    say seat FAULT "$2 answers with status $(<"$seats/status"): journalctl -u tms-ollama"
  fi
}

# lost USE MODEL WHY: nobody is being answered, so a restart ends nothing; yet it must not become a habit.
lost() {
  local last=0
  if [[ -e $seats/restarted ]]; then last=$(<"$seats/restarted"); fi
  if [[ $heal != yes ]]; then
    say seat FAULT "$3: systemctl restart tms-ollama"
  elif (($(date +%s) - last < 900)); then
    say seat FAULT "$3; it was restarted for that at $(date --date "@$last" +%H:%M), and is not within 15 minutes of it: journalctl -u tms-ollama"
  else
    date +%s >"$seats/restarted"
    logger --tag tms-llm "health check: $3; restarting tms-ollama.service"
    systemctl restart tms-ollama.service
    curl --fail --silent --output /dev/null --retry 60 --retry-delay 1 --retry-connrefused --max-time 5 http://127.0.0.1:11434/api/version
    if [[ $(ask "$1" "$2" 900) == 200 ]]; then
      say seat FAULT "$3; the engine was restarted and answers again"
    else
      say seat FAULT "$3; the engine was restarted and still does not answer: journalctl -u tms-ollama"
    fi
  fi
}

# A deployment starts and asks the engine itself.
if ! systemctl is-active --quiet tms-llm-phase.service && reason_to_ask; then
  while read -r use model; do
    if loaded "$model"; then check_seat "$use" "$model"; fi
  done <<'QUESTIONS'
answers kanana-1.5-8b:latest
answers general:latest
QUESTIONS
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
