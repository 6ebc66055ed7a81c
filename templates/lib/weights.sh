# shellcheck shell=bash disable=SC2154
# A model's weights as a folder: sent with the deployment, fetched from Hugging Face, or lying on the host.

ensure_weights() {
  if [[ -s $STEP_DIR/artifacts.tsv ]]; then
    ensure_sent_weights
  elif [[ -n ${in_repository:-} ]]; then
    ensure_fetched_weights
  else
    ensure_given_weights "put the model there, or correct its source in the stack file" "copy them anew"
  fi
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

# Weights of one commit on Hugging Face. The folder has its name when it holds all of them, and the right ones; from then on
# nobody is asked any more.
ensure_fetched_weights() {
  ensure_file "$in_fetch"
  # What was fetched before stays ours when fetching is switched off; what others have brought never becomes ours by that.
  if [[ -n $in_download ]] || owned weights "$in_weights"; then
    ensure_directory "${in_weights%/*}" tms:tms 0750
    own weights "$in_weights" absent
  fi
  if [[ -n $in_download && ! -d $in_weights && $VERB == apply ]]; then fetch_weights; fi
  ensure_given_weights \
    "the model's download is set to false, so nothing is fetched: remove that key, or put the files of $in_repository at $in_commit there (docs/components/engine.md says which)" \
    "delete that folder on the host, so that the next up fetches it anew"
}

fetch_weights() {
  local next=$in_weights.next line found=
  local -a failure=()
  install -d -o tms -g tms -m 0750 "$next"
  progress "  fetch $in_repository at $in_commit from $in_endpoint"
  while IFS= read -r line; do
    case $line in
      'progress '*) progress "  ${line#* }" ;;
      'digest '*) found=${line#* } ;;
      'failure '*) failure+=("${line#* }") ;;
    esac
  done < <(run_fetch "$next" 2>"$RUN_DIR/fetch.log")
  ((${#failure[@]} != 3)) || fail "${failure[@]}"
  [[ -n $found ]] || fail "$in_repository could not be fetched" "$(tail -n 3 "$RUN_DIR/fetch.log")" "on the host: journalctl -t tms-llm; what has been fetched is kept for the next up"
  [[ -z $in_weights_sha256 || $found == "$in_weights_sha256" ]] ||
    fail "the weights of $in_repository are not those of the stack file" "expected $in_weights_sha256, found $found" "each file is what Hugging Face says it is at commit $in_commit: where that is the one that was meant, correct sha256 in the stack file; nothing is fetched a second time for it"
  rm -rf "$next/.cache"
  remember_weights "$next"
  mv -T "$next" "$in_weights"
  changed "weights"
}

# The client's caches go with the folder. No Xet, its other way of fetching: it goes to further servers, past a mirror.
# The token comes through a pipe, since arguments and environment are for everybody to see.
run_fetch() { # FOLDER
  printf '%s' "$in_token" |
    runuser -u tms -- env HOME="$1/.cache" HF_HOME="$1/.cache/home" HF_ENDPOINT="$in_endpoint" HF_HUB_DISABLE_XET=1 HF_HUB_DISABLE_TELEMETRY=1 \
      HF_HUB_DISABLE_PROGRESS_BARS=1 "$in_release/bin/python" -I "$in_fetch" "$in_repository" "$in_commit" "$1" "$in_weights"
}

# Weights that lie on the host: used where they are. All of them are read once; after that only a change of the folder
# has them read again.
ensure_given_weights() { # WAY-OUT-WHERE-MISSING WAY-OUT-WHERE-WRONG
  local found
  [[ -d $in_weights ]] ||
    if [[ $VERB == check ]]; then
      difference "weights" "$in_weights" absent
      return 0
    else
      fail "the model's folder is missing" "$in_weights is no folder on the host" "$1"
    fi
  if [[ ! -e $WEIGHTS_SEEN || $(<"$WEIGHTS_SEEN") != "$(weights_listing "$in_weights")" ]]; then
    difference "weights in $in_weights" "as they were verified" "changed, or never verified"
    if [[ $VERB == apply ]]; then
      if [[ -n $in_weights_sha256 ]]; then
        progress "  verify the weights in $in_weights"
        found=$(cd "$in_weights" && find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
        [[ $found == "$in_weights_sha256" ]] ||
          fail "the weights in $in_weights are not those of the stack file" "expected $in_weights_sha256, found $found" "$2; where the found ones are right, correct sha256 in the stack file"
      fi
      runuser -u tms -- test -r "$in_weights/config.json" ||
        fail "the engine cannot read $in_weights" "its user tms may not read config.json there, or there is none" "make folder and files readable (chmod -R o+rX), outside of /home, which the engine does not see"
      remember_weights "$in_weights"
      changed "weights verified"
    fi
  fi
  if owned file "$WEIGHTS_SEEN"; then own file "$WEIGHTS_SEEN" absent; fi
}

# How the folder looked when its content was found to be right.
WEIGHTS_SEEN=$STATE/weights-seen

remember_weights() { # FOLDER
  own file "$WEIGHTS_SEEN" absent
  weights_listing "$1" >"$WEIGHTS_SEEN"
}

weights_listing() { # FOLDER
  printf '%s %s\n' "$in_weights_sha256" "$(find "$1" -type f -printf '%P %s %T@\n' | sort | sha256sum | cut -d' ' -f1)"
}

# Weights outlive us like every model, unless they are purged; what only left the plan goes, and so does what is not whole.
undo_weights() {
  rm -rf -- "$1.next"
  if [[ $STEP != removal ]]; then rm -rf -- "$1"; fi
}
