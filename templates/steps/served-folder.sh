# shellcheck shell=bash disable=SC2154
# An engine in Python serving one model. What runs is one folder, deployments/<digest>, and `current` points to it: a new one is switched
# to in one move, proven by one completion, and given up again when it fails. Only a proven one lets a former release go.

current=$in_home/current
unit=$in_unit

# What has answered last: the deployment, and the files that it was started with, since a limit of memory stands in the unit and
# in no deployment. While its successor is on trial it is called former, so that a killed trial has it to go back to as well.
proof=$STATE/$in_engine-proven
former=$STATE/$in_engine-former

step() {
  ensure_weights
  ensure_directory "$in_home/deployments" root:root 0755
  ensure_directory "$in_deployment" root:root 0755
  ensure_link "$in_deployment/release" "$in_release"
  admit_nginx
  ensure_files --notify "$unit"
  ensure_serving
}

# The unit's socket is for the group www-data, and for nginx's domain. Only on Debian is that group nginx's own: nginx.org's
# packages and RHEL's family call nginx's user nginx.
admit_nginx() {
  local joins=no
  ensure_group www-data
  if getent passwd nginx >/dev/null; then
    id -nG nginx | grep -qw www-data || joins=yes
    ensure_member nginx www-data
  fi
  # nginx's workers have the groups that they were started with.
  if [[ $VERB == apply && $joins == yes ]] && systemctl is-active --quiet nginx.service; then systemctl reload nginx.service; fi
  # To write to the socket is allowed already: the folder's name is that of nginx's own run files.
  ensure_module tms_llm_engine "(allow httpd_t $(service_domain) (unix_stream_socket (connectto)))"
}

proven() { [[ -e $proof && $(<"$proof/deployment") == "$in_deployment" ]]; }

ensure_serving() {
  local found
  found=$(readlink "$current") || found=absent
  if [[ $VERB == check ]]; then
    [[ $found == "$in_deployment" ]] || difference "$in_product's deployment" "$in_deployment" "$found"
    ensure_unit "$unit"
    [[ $(served_model) == "$in_model" ]] || difference "the model that $in_product serves" "$in_model" "$(served_model)"
    return 0
  fi
  [[ $found == "$in_deployment" ]] || notify "$unit"
  if [[ $found == "$in_deployment" && ! -e $STATE/pending/$unit ]] && proven && systemctl is-active --quiet "$unit" && [[ $(served_model) == "$in_model" ]]; then
    own tree "$proof" absent
    ensure_link "$current" "$in_deployment"
    ensure_unit "$unit"
    record_release "$in_engine" "$in_release"
    return 0
  fi
  switch
}

switch() {
  if [[ -e $proof ]]; then
    own tree "$former" absent
    rm -rf "$former"
    mv -T "$proof" "$former"
  fi
  trap fall_back EXIT
  # The engine itself lets its answers come to their end.
  if [[ -e $STATE/pending/$unit ]] && systemctl is-active --quiet "$unit"; then begin_pause "$in_drain"; fi
  ensure_link "$current" "$in_deployment"
  ensure_unit "$unit"
  wait_until_ready
  prove
  [[ $in_variant == cpu ]] || prove_gpu
  trap - EXIT
  end_pause
  record_proof
  record_release "$in_engine" "$in_release"
  drop_older_releases
}

record_proof() {
  own tree "$proof" absent
  rm -rf "$proof.next"
  keep_files "$proof.next/files"
  echo "$in_deployment" >"$proof.next/deployment"
  mv -T "$proof.next" "$proof"
  rm -rf "$former"
  disown_line tree "$former"
}

# The engine's step keeps what has proven itself before, since only here it is known whether the new release does.
drop_older_releases() {
  local release
  while read -r release; do
    if grep -qxF -- "$release" <(proven_releases "$in_engine"); then continue; fi
    undo tree "$release" absent
    disown_line tree "$release"
    changed "older release $release gone"
  done < <(awk -F'\t' -v releases="^$in_home/[0-9]" '$3 == "tree" && $4 ~ releases { print $4 }' "$LEDGER")
}

# The former deployment serves again; the next run takes up the new one anew. Without a former one nothing is left running
# in circles.
fall_back() {
  local deployment
  set +e
  notify "$unit"
  if has_former; then
    deployment=$(<"$former/deployment")
    progress "  go back to $deployment"
    put_back_files "$former/files"
    systemctl daemon-reload
    ln -sfnT -- "$deployment" "$(candidate_of "$current")"
    mv -T -- "$(candidate_of "$current")" "$current"
    systemctl restart "$unit"
    mv -T "$former" "$proof"
  else
    systemctl stop "$unit"
  fi
}

# The former one is none to go back to where it is the very one that has just failed.
has_former() {
  [[ -e $former && -e $(<"$former/deployment") ]] || return 1
  [[ $(<"$former/deployment") != "$in_deployment" ]] || kept_files_differ "$former/files"
}

ask() { # PATH [CURL-OPTION…]
  local -a options=(--silent --max-time 60 --unix-socket "$in_socket" "${@:2}")
  if [[ -z $in_key_file ]]; then
    curl "${options[@]}" "http://localhost$1"
  else
    # In a file of the shell's own, not among the arguments, which everybody sees.
    curl "${options[@]}" --header @<(sed -n 's/^VLLM_API_KEY=/Authorization: Bearer /p' "$in_key_file") "http://localhost$1"
  fi
}

served_model() {
  ask /v1/models --max-time 5 2>/dev/null | sed -n 's/^{"object":"list","data":\[{"id":"\([^"]*\)".*/\1/p' || echo 'no answer'
}

# The run of the unit that is meant; another one means that the first has ended.
invocation() { unit_property "$unit" InvocationID; }

wait_until_ready() {
  local run deadline=$((SECONDS + in_start_timeout))
  run=$(invocation)
  progress "  wait for $in_product"
  until ask /health --max-time 5 --fail --output /dev/null; do
    [[ $(systemctl is-active "$unit") == active && $(invocation) == "$run" ]] || start_failed "$run" "$in_product ended while it started"
    ((SECONDS < deadline)) || start_failed "$run" "$in_product was not ready after $in_start_timeout s"
    sleep 0.5
  done
}

start_failed() { # RUN WHAT
  local log=$RUN_DIR/engine.log
  # What systemd says about a run has another field than what the run's own processes say.
  journalctl --sync
  journalctl "_SYSTEMD_INVOCATION_ID=$1" + "INVOCATION_ID=$1" -o cat --no-pager -n 2000 >"$log"
  # Nobody else sends this signal to an engine that starts. Under cgroup v1 systemd does not know why it came.
  if grep -qE 'killed by the OOM killer|code=killed, status=9/KILL' "$log"; then
    fail "$2" "the kernel killed it, as it does when the memory is used up" "raise engine.memoryMax where the stack file has it, give the host more memory, or choose a smaller model"
  fi
  engine_failure "$in_engine" "$2" "$log"
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
  unit_on_gpu "$unit" || fail "$in_product does not use the GPU" "nvidia-smi names no process of $unit" "on the host: nvidia-smi; journalctl -u $unit | grep -i cuda"
}
