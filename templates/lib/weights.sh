# shellcheck shell=bash disable=SC2154
# A model's weights as a folder: sent with the deployment, or lying on the host.

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
      ensure_directory "${in_weights%/*}" tms:tms 0750
      rm -rf "$in_weights"
      install -d -o tms -g tms -m 0750 "$in_weights"
      tar -xf "$archive" -C "$in_weights" --no-same-owner
      touch "$in_weights/.complete"
      chown -R tms:tms "$in_weights"
      changed "weights"
    fi
  fi
  own weights "$in_weights" absent
  ensure_directory "${in_weights%/*}" tms:tms 0750
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

# Weights outlive us like every model, unless they are purged; what only left the plan goes.
undo_weights() {
  if [[ $STEP != removal ]]; then rm -rf -- "$1"; fi
}
