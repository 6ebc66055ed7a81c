# shellcheck shell=bash disable=SC2154
# A new Ollama, or the same one under other settings, answers beside the one that serves before that one is stopped. What
# fails here was never seen by a client. Only where memory allows: the engine that serves must not suffer.

REHEARSAL=tms-ollama-rehearsal.service
REHEARSAL_FILE=/run/systemd/system/$REHEARSAL

# Kept free beside what the second engine needs: another tenth of it, and a GiB of the host's memory.
REHEARSAL_RESERVE=$((1 << 30))

# rehearse_ollama: before any file of the engine that serves is replaced. Fails where the new one starts or answers wrongly.
rehearse_ollama() {
  local hindrance rehearsed
  end_rehearsal
  [[ -n $in_rehearsal ]] && systemctl is-active --quiet tms-ollama.service && files_differ || return 0
  rehearsed=$(kept_models)
  [[ -n $rehearsed ]] || return 0
  hindrance=$(no_room_for_rehearsal)
  if [[ -n $hindrance ]]; then
    progress "  no rehearsal: $hindrance"
    return 0
  fi
  progress "  rehearsal: Ollama $in_version beside the engine that serves"
  trap end_rehearsal EXIT
  start_rehearsal
  ask_rehearsal
  trap - EXIT
  end_rehearsal
}

planned_file() { printf '%s/files/%s' "$STEP_DIR" "$(file_row "$1" | cut -f4)"; }

# no_room_for_rehearsal: why the memory is too little for the largest model a second time; nothing where it is enough.
no_room_for_rehearsal() {
  local name need=0 size vram on_gpu='' free
  while read -r name; do
    if read -r size vram < <(ollama_placement "$(ollama_port)" "$name"); then
      if ((vram > 0)); then on_gpu=yes; fi
    else
      size=$(($(size_on_disk "$name") * 3 / 2))
      if gpu_expected "$in_device"; then on_gpu=yes; fi
    fi
    if ((size > need)); then need=$size; fi
  done <<<"$rehearsed"
  need=$((need * $(growth) * 11 / 10))
  if [[ -n $on_gpu ]]; then
    free=$(free_gpu_memory)
    if ((free < need)); then
      echo "a second engine needs $((need >> 20)) MiB of a GPU, and $((free >> 20)) are free"
      return 0
    fi
    need=0
  fi
  free=$(free_memory)
  if ((free < need + REHEARSAL_RESERVE)); then
    echo "a second engine needs $((need + REHEARSAL_RESERVE >> 20)) MiB of the host's memory, and $((free >> 20)) are free"
  fi
}

# size_on_disk MODEL: bytes, 0 where the engine that serves has no such model.
size_on_disk() {
  local name=$1
  [[ $name == *:* ]] || name=$name:latest
  curl --fail --silent --max-time 10 "http://127.0.0.1:$(ollama_port)/api/tags" | tr '{' '\n' |
    awk -v name="\"name\":\"$name\"" 'index($0, name) { if (match($0, /"size":[0-9]+/)) size = substr($0, RSTART + 7, RLENGTH - 7) } END { print size == "" ? 0 : size }'
}

free_memory() { awk '$1 == "MemAvailable:" { printf "%.0f", $2 * 1024 }' /proc/meminfo; }

# Of the GPU that has the most, of those that the engine may use; a model that needs several of them is not rehearsed.
free_gpu_memory() {
  local next may_use
  read -r _ next < <(engine_settings)
  may_use=$(sed -n 's/^CUDA_VISIBLE_DEVICES=//p' "$next")
  { timeout 20 nvidia-smi ${may_use:+--id="$may_use"} --query-gpu=memory.free --format=csv,noheader,nounits 2>/dev/null || true; } |
    awk '$1 + 0 > most { most = $1 + 0 } END { printf "%.0f", most * 1048576 }'
}

# growth: how many times more the new settings may take, rounded up. Only the cache grows with them, so this is on the safe side.
growth() {
  local former next
  read -r former next < <(engine_settings)
  awk -F= '
    FNR == NR { former[$1] = $2; next }
    $1 ~ /^OLLAMA_(CONTEXT_LENGTH|NUM_PARALLEL)$/ && former[$1] > 0 && $2 > former[$1] { times *= $2 / former[$1] }
    $1 == "OLLAMA_KV_CACHE_TYPE" { type = $2 }
    BEGIN { times = 1 }
    END {
      if (former["OLLAMA_KV_CACHE_TYPE"] != "" && former["OLLAMA_KV_CACHE_TYPE"] != type) times *= 4
      printf "%d", times == int(times) ? times : int(times) + 1
    }' "$former" "$next"
}

# engine_settings: the files of the engine that serves and of the next one.
engine_settings() { echo /etc/tms-llm/ollama.env "$(planned_file /etc/tms-llm/ollama.env)"; }

# The unit as it is planned, with a port of its own. It ends with the phase, however that ends, and yields to the engine that
# serves where there is too little of something.
start_rehearsal() {
  local environment=$RUN_DIR/rehearsal.env
  rehearsal_port=$(unused_port)
  # Two lines of a name: the last one counts. The store is the other engine's as well, so nothing in it is tidied up.
  { cat "$(planned_file /etc/tms-llm/ollama.env)" && printf 'OLLAMA_HOST=127.0.0.1:%s\nOLLAMA_NOPRUNE=1\nOLLAMA_MAX_LOADED_MODELS=1\n' "$rehearsal_port"; } >"$environment"
  chmod 0600 "$environment"
  own file "$REHEARSAL_FILE" absent
  mkdir -p "${REHEARSAL_FILE%/*}"
  sed -e 's/^Description=.*/Description=Rehearsal of the next Ollama (tms-llm)/' \
    -e 's/^\[Unit\]$/&\nBindsTo=tms-llm-phase.service\nAfter=tms-llm-phase.service/' \
    -e 's/^\[Service\]$/&\nOOMScoreAdjust=1000\nNice=10/' \
    -e 's/^Restart=.*/Restart=no/' -e "s|^EnvironmentFile=.*|EnvironmentFile=$environment|" -e '/^\[Install\]$/,$d' \
    "$(planned_file /etc/systemd/system/tms-ollama.service)" >"$REHEARSAL_FILE"
  systemctl daemon-reload
  if ! systemctl start "$REHEARSAL" 2>/dev/null || ! rehearsal_listens; then
    rehearsal_failed "Ollama $in_version does not start as it is planned" "$(journalctl -u "$REHEARSAL" -n 8 -o cat --no-pager)"
  fi
}

rehearsal_listens() {
  local deadline=$((SECONDS + 60))
  until wait_for_http 1 "http://127.0.0.1:$rehearsal_port/api/version"; do
    systemctl is-active --quiet "$REHEARSAL" && ((SECONDS < deadline)) || return 1
  done
}

unused_port() {
  local port=$((in_port + 1))
  while [[ -n $(ss -Htln "sport = :$port") ]]; do port=$((port + 1)); done
  echo "$port"
}

# Where a model comes to lie is asked of the engine alone on the host, after the switch: here the other one has its part.
ask_rehearsal() {
  local name fault
  while read -r name; do
    [[ -n $rehearsal_port ]] || return 0
    progress "  ask $name for $(use_of "$name")"
    fault=$(model_fault "$name" "$(use_of "$name")" "$in_load_timeout")
    [[ -z $fault ]] || rehearsal_failed "model $name does not answer with the new engine" "$fault"
  done <<<"$rehearsed"
}

# rehearsal_failed WHAT WHY: unless it was memory after all, of which the engine alone may find enough.
rehearsal_failed() {
  local run
  run=$(unit_property "$REHEARSAL" InvocationID)
  # Nobody else sends this signal. What systemd says about a run has another field than what its processes say.
  journalctl --sync
  if [[ $2 == *"signal: killed"* ]] || grep -qE 'OOM killer|status=9/KILL|signal: killed' < <(journalctl "_SYSTEMD_INVOCATION_ID=$run" + "INVOCATION_ID=$run" -o cat --no-pager); then
    progress "  the rehearsal tells nothing: the kernel killed it, as it does when the memory is used up"
    end_rehearsal
    return 0
  fi
  fail "$1" "$2" "choose another engine.version or other settings of the engine; the former engine goes on, and no client has noticed anything"
}

end_rehearsal() {
  rehearsal_port=
  [[ -e $REHEARSAL_FILE ]] || return 0
  systemctl stop "$REHEARSAL" 2>/dev/null || true
  rm -f "$REHEARSAL_FILE"
  systemctl daemon-reload
  systemctl reset-failed "$REHEARSAL" 2>/dev/null || true
  disown_line file "$REHEARSAL_FILE"
}
