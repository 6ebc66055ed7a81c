# shellcheck shell=bash disable=SC2154
# vLLM serving one model. What runs is one folder, deployments/<digest>, and `current` points to it: a new one is switched
# to in one move, proven by one completion, and given up again when it fails. Only a proven one lets the former go.

current=/opt/llm/vllm/current
unit=llm-vllm.service

step() {
  ensure_weights
  ensure_directory /opt/llm/vllm/deployments root:root 0755
  ensure_directory "$in_deployment" root:root 0755
  ensure_link "$in_deployment/release" "$in_release"
  # nginx.org's packages call their user nginx; on Debian's it is www-data itself.
  if getent passwd nginx >/dev/null; then ensure_member nginx www-data; fi
  ensure_files --notify "$unit"
  ensure_serving
}

ensure_weights() {
  if [[ -s $STEP_DIR/artifacts.tsv ]]; then ensure_sent_weights; else ensure_given_weights; fi
}

# Weights that came with the deployment: an archive, unpacked where models are kept.
ensure_sent_weights() {
  if [[ ! -e $in_weights/.complete ]]; then
    difference "weights" "$in_weights" absent
    if [[ $VERB == apply ]]; then
      own weights "$in_weights" absent
      local archive
      archive=$(artifact weights)
      ensure_directory /opt/llm/models/vllm tms:tms 0750
      rm -rf "$in_weights"
      install -d -o tms -g tms -m 0750 "$in_weights"
      tar -xf "$archive" -C "$in_weights" --no-same-owner
      touch "$in_weights/.complete"
      chown -R tms:tms "$in_weights"
      changed "weights"
    fi
  fi
  own weights "$in_weights" absent
  ensure_directory /opt/llm/models/vllm tms:tms 0750
  [[ $VERB == check ]] || discard_artifact weights
}

# Weights that lie on the host: used where they are. All of them are read once; after that only a change of the folder
# has them read again.
ensure_given_weights() {
  local seen=$STATE/weights-seen listing found
  [[ -d $in_weights ]] ||
    if [[ $VERB == check ]]; then
      difference "weights" "$in_weights" absent
      return 0
    else
      fail "the model's folder is missing" "$in_weights is no folder on the host" "put the model there, or correct its source in the stack file"
    fi
  listing="$in_weights_sha256 $(find "$in_weights" -type f -printf '%P %s %T@\n' | sort | sha256sum | cut -d' ' -f1)"
  if [[ ! -e $seen || $(<"$seen") != "$listing" ]]; then
    difference "weights in $in_weights" "as they were verified" "changed, or never verified"
    if [[ $VERB == apply ]]; then
      progress "  verify the weights in $in_weights"
      found=$(cd "$in_weights" && find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
      [[ $found == "$in_weights_sha256" ]] ||
        fail "the weights in $in_weights are not those of the stack file" "expected $in_weights_sha256, found $found" "copy them anew; where the found ones are right, correct sha256 in the stack file"
      runuser -u tms -- test -r "$in_weights/config.json" ||
        fail "the engine cannot read $in_weights" "its user tms may not read config.json there, or there is none" "make folder and files readable (chmod -R o+rX), outside of /home, which the engine does not see"
      own file "$seen" absent
      echo "$listing" >"$seen"
      changed "weights verified"
    fi
  fi
  if owned file "$seen"; then own file "$seen" absent; fi
}

proven() { [[ -e $STATE/vllm-proven && $(<"$STATE/vllm-proven") == "$in_deployment" ]]; }

ensure_serving() {
  local found
  found=$(readlink "$current") || found=absent
  if [[ $VERB == check ]]; then
    [[ $found == "$in_deployment" ]] || difference "vLLM's deployment" "$in_deployment" "$found"
    ensure_unit "$unit"
    [[ $(served_model) == "$in_model" ]] || difference "the model that vLLM serves" "$in_model" "$(served_model)"
    return 0
  fi
  [[ $found == "$in_deployment" ]] || notify "$unit"
  if [[ $found == "$in_deployment" && ! -e $STATE/pending/$unit ]] && proven && systemctl is-active --quiet "$unit" && [[ $(served_model) == "$in_model" ]]; then
    own file "$STATE/vllm-proven" absent
    ensure_link "$current" "$in_deployment"
    ensure_unit "$unit"
    return 0
  fi
  switch "$found"
}

switch() { # FORMER
  rm -f "$STATE/vllm-proven"
  # shellcheck disable=SC2064
  trap "fall_back '$1'" EXIT
  ensure_link "$current" "$in_deployment"
  ensure_unit "$unit"
  wait_until_ready
  prove
  [[ $in_variant == cpu ]] || prove_gpu
  trap - EXIT
  echo "$in_deployment" >"$STATE/vllm-proven.next"
  mv -T "$STATE/vllm-proven.next" "$STATE/vllm-proven"
  own file "$STATE/vllm-proven" absent
  drop_former_releases
}

# The engine's step keeps the release that runs, since only here it is known whether the new one does.
drop_former_releases() {
  local release
  while read -r release; do
    [[ $release != "$in_release" ]] || continue
    undo tree "$release" absent
    disown_line tree "$release"
    changed "former release $release gone"
  done < <(awk -F'\t' '$3 == "tree" && $4 ~ "^/opt/llm/vllm/[0-9]" { print $4 }' "$LEDGER")
}

# The former deployment serves again; the next run takes up the new one anew. Without a former one nothing is left running
# in circles.
fall_back() { # FORMER
  set +e
  notify "$unit"
  if [[ $1 == /* && $1 != "$in_deployment" && -e $1 ]]; then
    progress "  go back to $1"
    ln -sfnT -- "$1" "$(candidate_of "$current")"
    mv -T -- "$(candidate_of "$current")" "$current"
    systemctl restart "$unit"
  else
    systemctl stop "$unit"
  fi
}

ask() { # PATH [CURL-OPTION…]
  # In a file of the shell's own, not among the arguments, which everybody sees.
  curl --silent --max-time 60 --unix-socket "$in_socket" --header @<(sed -n 's/^VLLM_API_KEY=/Authorization: Bearer /p' /etc/tms-llm/vllm.env) "${@:2}" "http://localhost$1"
}

served_model() {
  ask /v1/models --max-time 5 2>/dev/null | sed -n 's/^{"object":"list","data":\[{"id":"\([^"]*\)".*/\1/p' || echo 'no answer'
}

# The run of the unit that is meant; another one means that the first has ended.
invocation() { systemctl show -P InvocationID "$unit"; }

wait_until_ready() {
  local run deadline=$((SECONDS + in_start_timeout))
  run=$(invocation)
  progress "  wait for vLLM"
  until ask /health --max-time 5 --fail --output /dev/null; do
    [[ $(systemctl is-active "$unit") == active && $(invocation) == "$run" ]] || start_failed "$run" "vLLM ended while it started"
    ((SECONDS < deadline)) || start_failed "$run" "vLLM was not ready after $in_start_timeout s"
    sleep 0.5
  done
}

start_failed() { # RUN WHAT
  local log=$RUN_DIR/vllm.log
  journalctl "_SYSTEMD_INVOCATION_ID=$1" -o cat --no-pager -n 2000 >"$log"
  vllm_failure "$2" "$log"
}

prove() {
  local answer=$RUN_DIR/answer status
  progress "  ask $in_model for one completion"
  status=$(ask /v1/chat/completions --max-time 300 --output "$answer" --write-out '%{http_code}' --header 'Content-Type: application/json' \
    --data "{\"model\":$(json_string "$in_model"),\"max_tokens\":8,\"messages\":[{\"role\":\"user\",\"content\":\"ping\"}]}") || status=000
  if [[ $status != 200 ]] || ! grep -q '"choices":\[{' "$answer"; then
    fail "model $in_model does not answer" "HTTP $status: $(head -c 400 "$answer" 2>/dev/null)" "a model without a chat template cannot chat; the engine's log: journalctl -u $unit"
  fi
}

# A completion can come from anywhere; that a process of the unit holds memory of a GPU cannot.
prove_gpu() {
  unit_on_gpu "$unit" || fail "vLLM does not use the GPU" "nvidia-smi names no process of $unit" "on the host: nvidia-smi; journalctl -u $unit | grep -i cuda"
}
