# shellcheck shell=bash
# Models in Ollama's store. What was made from which Modelfile is remembered, since Ollama does not tell.

# The engine step leaves "BINARY PORT DRAIN" in $STATE/ollama, so that a model can be removed when its step has gone.
# While a new engine is rehearsed, questions are for that one.
ollama_port() { if [[ -n ${rehearsal_port:-} ]]; then echo "$rehearsal_port"; else cut -d' ' -f2 "$STATE/ollama"; fi; }
ollama_command() { OLLAMA_HOST=127.0.0.1:$(ollama_port) HOME=/root "$(cut -d' ' -f1 "$STATE/ollama")" "$@"; }

# pause_ollama: before Ollama is stopped, which cuts off whatever it is answering.
pause_ollama() {
  local seconds
  if [[ -e $PAUSED ]] || ! systemctl is-active --quiet tms-ollama.service; then return 0; fi
  # As the plan has it, where there is one; an earlier version of ours left no third word.
  seconds=${in_drain:-$(awk '{ print $3 ? $3 : 60 }' "$STATE/ollama")}
  begin_pause "$seconds"
  let_answers_end "$(ollama_port)" "$seconds"
}

# model_digest NAME: prints the digest Ollama lists for the name, or nothing.
model_digest() { ollama_digest "$(ollama_port)" "$1"; }

model_record() { printf '%s/models/%s' "$STATE" "$(printf '%s' "$1" | sha256sum | cut -c1-16)"; }

# model_is_current NAME MODELFILE: what is in the store was made from this text.
model_is_current() {
  local record
  record=$(model_record "$1")
  [[ -e $record && $(<"$record") == "$(sha256sum <"$2" | cut -d' ' -f1) $(model_digest "$1")" && -z $(weights_fault "$1") ]]
}

# weights_fault NAME: the weights' checksum, where the stack file names another; Ollama keeps them under it.
weights_fault() {
  local found
  [[ -n ${in_weights_sha256:-} ]] || return 0
  found=$(ollama_command show --modelfile "$1" 2>/dev/null | sed -n 's|^FROM .*/blobs/sha256-\([0-9a-f]\{64\}\)$|\1|p' | head -n 1)
  [[ $found == "$in_weights_sha256" ]] || printf 'SHA-256 %s' "${found:-unknown}"
}

# A new model is made and asked under this name first; a former one of its own name goes on meanwhile.
CANDIDATE=tms-llm-candidate

# ensure_model NAME MODELFILE: the model exists, was made from this Modelfile, and has answered.
ensure_model() {
  local name=$1 modelfile=$2 record
  # A killed run may have left it.
  if [[ $VERB == apply ]] && owned model "$CANDIDATE"; then forget_candidate; fi
  if ! model_is_current "$name" "$modelfile"; then
    difference "model $name" "made from $(basename "$modelfile")" "$(model_digest "$name" | grep . || echo absent)"
    if [[ $VERB == apply ]]; then
      own model "$name" absent
      make_model "$name" "$modelfile"
      mkdir -p "$STATE/models"
      record=$(model_record "$name")
      printf '%s %s\n' "$(sha256sum <"$modelfile" | cut -d' ' -f1)" "$(model_digest "$name")" >"$record.next"
      mv -T "$record.next" "$record"
      changed "model $name"
    fi
  fi
  if owned model "$name"; then own model "$name" absent; fi
  ensure_placement "$name"
}

# placement_fault NAME: where a model that has just answered lies, where that is not wholly on the GPU that is asked for.
placement_fault() {
  gpu_expected "${in_device:?}" || return 0
  ollama_gpu_fault "$(ollama_port)" "$1"
}

placement_advice() { # FAULT
  if [[ $1 == *"the rest in the host's memory"* ]]; then
    echo "the GPU has too little memory left: choose a smaller quantization or context, lower engine.parallel, or end what else uses it (nvidia-smi names it); to accept a part on the CPU, set engine.device to any"
  else
    echo "see why the engine did not take the GPU (on the host: journalctl -u tms-ollama | grep -i -e gpu -e cuda; below driver 550 it takes none); to accept the CPU, set engine.device to any"
  fi
}

# ensure_placement NAME: a model that was proven may have come to lie elsewhere since, as after a start before the driver's.
ensure_placement() {
  local name=$1 fault
  gpu_expected "${in_device:?}" || return 0
  [[ -n $(ollama_placement "$(ollama_port)" "$name") ]] || return 0
  fault=$(ollama_gpu_fault "$(ollama_port)" "$name")
  [[ -n $fault ]] || return 0
  difference "model $name" "wholly on the GPU" "$fault"
  if [[ $VERB == apply ]]; then
    progress "  restart the engine: model $name is not on the GPU"
    pause_ollama
    systemctl restart tms-ollama.service || unit_failed tms-ollama.service
    wait_for_http 60 "http://127.0.0.1:$(ollama_port)/api/version" ||
      fail "Ollama does not answer" "nothing for 60 s after a restart" "on the host: journalctl -u tms-ollama"
    fault=$(model_fault "$name" "${in_use:?}" "${in_load_timeout:?}")
    [[ -n $fault ]] || fault=$(placement_fault "$name")
    [[ -z $fault ]] || fail "model $name is not on the GPU" "$fault, also after a restart of the engine" "$(placement_advice "$fault")"
    end_pause
    changed "model $name on the GPU"
  fi
}

make_model() { # NAME MODELFILE
  local name=$1 modelfile=$2 log=$RUN_DIR/model.log fault
  require_model_room "$name" "$modelfile"
  progress "  make model $name"
  own model "$CANDIDATE" absent
  if ! ollama_command create "$CANDIDATE" -f "$modelfile" >"$log" 2>&1; then
    forget_candidate
    fail "model $name could not be made" "$(tr '\r' '\n' <"$log" | tail -n 3)" \
      "check the source's name and the host's way out; for a file, its format (GGUF)$(former_goes_on "$name")"
  fi
  fault=$(weights_fault "$CANDIDATE")
  if [[ -n $fault ]]; then
    forget_candidate
    fail "model $name has other weights than the stack file names" "$fault, needed: SHA-256 $in_weights_sha256" \
      "compare with what the publisher says of the file; if it was replaced, decide whether you want its successor$(former_goes_on "$name")"
  fi
  progress "  ask $name for ${in_use:?}"
  fault=$(model_fault "$CANDIDATE" "$in_use" "${in_load_timeout:?}")
  if [[ -n $fault ]]; then
    forget_candidate
    fail "model $name does not answer" "$fault" \
      "the usual cause is memory: choose a smaller quantization or context; the engine's log: journalctl -u tms-ollama$(former_goes_on "$name")"
  fi
  fault=$(placement_fault "$CANDIDATE")
  if [[ -n $fault ]]; then
    forget_candidate
    fail "model $name is not on the GPU" "$fault" "$(placement_advice "$fault")$(former_goes_on "$name")"
  fi
  # By the API, since the command would unload what has just been loaded.
  model_api POST copy "{\"source\":\"$CANDIDATE\",\"destination\":$(json_string "$name")}"
  forget_candidate
}

former_goes_on() { if [[ -n $(model_digest "$1") ]]; then printf '; the former %s goes on' "$1"; fi; }

# model_fault NAME USE SECONDS: asks for one real completion (answers) or vector (embeddings), and prints what is wrong with
# it, or nothing. A model that is listed but can't answer is no model.
model_fault() {
  local name status path body expected answer=$RUN_DIR/answer
  name=$(json_string "$1")
  case $2 in
    answers) path=chat/completions body='"max_tokens":8,"messages":[{"role":"user","content":"ping"}]' expected='"choices":\[{' ;;
    embeddings) path=embeddings body='"input":"ping"' expected='"embedding":\[-\?[0-9]' ;;
    *) fail "model_fault $1" "unknown use $2" "mend the step script" ;;
  esac
  status=$(curl --silent --max-time "$3" --output "$answer" --write-out '%{http_code}' \
    --header 'Content-Type: application/json' --data "{\"model\":$name,$body}" \
    "http://127.0.0.1:$(ollama_port)/v1/$path") || status=000
  if [[ $status != 200 ]] || ! grep -q "$expected" "$answer"; then
    printf 'HTTP %s: %s' "$status" "$(head -c 400 "$answer" 2>/dev/null)"
  fi
}

model_api() { # METHOD WHAT BODY
  curl --fail --silent --show-error --max-time 60 --request "$1" --header 'Content-Type: application/json' \
    --data "$3" --output "$RUN_DIR/answer" "http://127.0.0.1:$(ollama_port)/api/$2"
}

forget_candidate() {
  if [[ -n $(model_digest "$CANDIDATE") ]]; then model_api DELETE delete "{\"model\":\"$CANDIDATE\"}"; fi
  disown_line model "$CANDIDATE"
}

# At removal the engine is going too, and the store is kept or purged as a whole.
undo_model() {
  local name=$1
  if [[ $STEP != removal && -e $STATE/ollama ]]; then
    if [[ -n $(model_digest "$name") ]]; then
      ollama_command rm "$name" >"$RUN_DIR/model.log" 2>&1 ||
        fail "model $name could not be removed" "$(tail -n 3 "$RUN_DIR/model.log")" "on the host: journalctl -u tms-ollama"
    fi
  fi
  rm -f "$(model_record "$name")"
}
