# shellcheck shell=bash disable=SC2154
# Ollama from its archive, one folder per version, as a hardened unit on loopback.

step() {
  local home=/opt/llm/ollama/$in_version
  local -a files
  ensure_directory /opt/llm/ollama root:root 0755
  install_release "$home"
  ensure_label '/opt/llm/ollama/[^/]+/bin(/.*)?' bin_t "$home"
  if [[ $VERB == apply ]]; then
    rehearse_ollama
    keep_former
  fi
  ensure_files --notify tms-ollama.service
  ensure_loopback
  mapfile -t files < <(planned_files)
  ensure_fresh tms-ollama.service "$(unit_property tms-ollama.service MainPID)" "${files[@]}"
  if [[ $VERB == apply ]]; then
    if [[ -e $STATE/pending/tms-ollama.service ]]; then pause_ollama; fi
    echo "$home/bin/ollama $in_port $in_drain" >"$STATE/ollama"
  fi
  ensure_unit tms-ollama.service
  ensure_answer
  if [[ $VERB == apply && -e $FORMER ]]; then
    prove_engine
    trap - EXIT
    rm -rf "$FORMER"
  fi
  if [[ $VERB == apply ]]; then
    end_pause
    record_release ollama "$home"
  fi
  keep_releases ollama
}

# What the engine that runs now was started from, until its successor has proved itself.
FORMER=$STATE/former-engine

# A former engine that a killed run left is still the last one that has proved itself.
keep_former() {
  if [[ ! -e $FORMER ]]; then
    if ! files_differ || ! systemctl is-active --quiet tms-ollama.service; then return 0; fi
    rm -rf "$FORMER.next"
    keep_files "$FORMER.next/files"
    cp -a "$STATE/ollama" "$FORMER.next/started"
    kept_models >"$FORMER.next/models"
    mv -T "$FORMER.next" "$FORMER"
  fi
  trap bring_former_back EXIT
}

# Its message comes after the one that says what failed.
bring_former_back() {
  trap - EXIT
  progress "  bring the former engine back"
  # A run that found an unproven engine serving has not paused it yet.
  pause_ollama
  put_back_files "$FORMER/files"
  cp -a "$FORMER/started" "$STATE/ollama"
  systemctl daemon-reload
  if systemctl restart tms-ollama.service && wait_for_http 60 "http://127.0.0.1:$(ollama_port)/api/version"; then
    rm -rf "$FORMER" "$STATE/pending/tms-ollama.service"
    end_pause
    echo "  meanwhile: the former engine runs again" >&2
  else
    echo "  meanwhile: the former engine does not run either; on the host: journalctl -u tms-ollama" >&2
  fi
}

# Each model that the former engine had, and that the plan keeps, must answer with the new engine too.
prove_engine() {
  local name fault use
  while read -r name; do
    use=$(use_of "$name")
    # What a killed run has left was kept for another plan.
    [[ -n $use ]] || continue
    [[ -n $(model_digest "$name") ]] || fail "the new engine has no model $name" "the former engine lists it, this one does not" \
      "see that both read the same folder of models (OLLAMA_MODELS); the engine's log: journalctl -u tms-ollama"
    progress "  ask $name for $use"
    fault=$(model_fault "$name" "$use" "$in_load_timeout")
    [[ -z $fault ]] || fail "model $name does not answer with the new engine" "$fault" \
      "choose another engine.version or other settings of the engine; the engine's log: journalctl -u tms-ollama"
    fault=$(placement_fault "$name")
    [[ -z $fault ]] || fail "model $name is not on the GPU with the new engine" "$fault" "$(placement_advice "$fault")"
  done <"$FORMER/models"
}

# kept_models: what the engine that serves has of ours and the plan keeps. What it has not is made, and proven, in the next phase.
kept_models() {
  local name
  while read -r _ name; do
    if owned model "$name" && [[ -n $(model_digest "$name") ]]; then echo "$name"; fi
  done <<<"$in_models"
}

# use_of MODEL: what the plan wants of it, answers or embeddings; nothing where the plan does not have it.
use_of() { awk -v name="$1" '$2 == name { print $1 }' <<<"$in_models"; }

# The process may have been started with another address than its files now say.
ensure_loopback() {
  local open
  open=$(ss --no-header --listening --tcp --numeric "sport = :$in_port" | awk '$4 !~ /^(127\.|\[::1\])/ { print $4 }' | paste -sd' ')
  if [[ -n $open ]]; then
    difference "Ollama's address" "127.0.0.1:$in_port" "$open"
    [[ $VERB == check ]] || notify tms-ollama.service
  fi
}

install_release() {
  local home=$1 archive
  if [[ ! -e $home/.complete ]]; then
    difference "Ollama $in_version" "$home" absent
    if [[ $VERB == apply ]]; then
      own tree "$home" absent
      archive=$(artifact ollama)
      progress "  unpack Ollama $in_version"
      rm -rf "$home.next" "$home"
      mkdir -p "$home.next"
      # tar 1.30 does not know zstd by itself.
      zstd --quiet --decompress --stdout "$archive" | tar -xf - -C "$home.next" --no-same-owner
      # Its name is its checksum.
      basename "$archive" >"$home.next/.complete"
      mv -T "$home.next" "$home"
      changed "Ollama $in_version"
    fi
  fi
  own tree "$home" absent
  [[ $VERB == check ]] || discard_artifact ollama
}

ensure_answer() {
  local found
  if [[ $VERB == apply ]]; then
    wait_for_http 60 "http://127.0.0.1:$in_port/api/version" ||
      fail "Ollama does not answer" "nothing on 127.0.0.1:$in_port after 60 s" "on the host: journalctl -u tms-ollama"
  fi
  found=$(curl --fail --silent --max-time 5 "http://127.0.0.1:$in_port/api/version") || found='no answer'
  [[ $found == *"\"$in_version\""* ]] || difference "running Ollama" "$in_version" "$found"
}
