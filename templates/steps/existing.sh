# shellcheck shell=bash disable=SC2154
# Former installations of an LLM server. What they have downloaded is used where it lies; their units rest until we go.

step() {
  local store manifest unit
  store=$(former_store)
  while read -r manifest; do
    if [[ -n $manifest ]]; then take_model "$store" "$manifest"; fi
  done <<<"$in_manifests"
  while read -r unit; do
    ensure_resting "$unit"
  done < <(former_units)
}

# Those that are there, and those that we have put to rest; never our own.
former_units() {
  local pattern unit
  while read -r pattern; do
    # It fails where none is of that name.
    { systemctl list-unit-files --no-legend --no-pager "$pattern" || true; } | while read -r unit _; do
      owned unit "$unit" || echo "$unit"
    done
    awk -F'\t' '$3 == "resting" { print $4 }' "$LEDGER" | while read -r unit; do
      # shellcheck disable=SC2053 # A pattern on purpose.
      if [[ $unit == $pattern ]]; then echo "$unit"; fi
    done
  done <<<"$in_units" | sort -u
}

# former_store: prints the folder of the former Ollama's models, or nothing.
former_store() {
  local pid environment store user
  if [[ -z $in_manifests ]] || ! systemctl cat ollama.service >/dev/null 2>&1; then return 0; fi
  pid=$(unit_property ollama.service MainPID)
  if [[ $pid != 0 && -r /proc/$pid/environ ]]; then
    environment=$(tr '\0' '\n' <"/proc/$pid/environ")
  else
    environment=$(unit_property ollama.service Environment | tr ' ' '\n')
  fi
  store=$(awk -F= '$1 == "OLLAMA_MODELS" { print $2 }' <<<"$environment")
  user=$(unit_property ollama.service User)
  store=${store:-$(getent passwd "${user:-root}" | cut -d: -f6)/.ollama/models}
  if [[ -d $store ]]; then echo "$store"; fi
}

# take_model STORE MANIFEST: what the former Ollama has of a source, as far as it is whole.
take_model() {
  local store=$1 theirs=$1/manifests/$2 ours=/opt/llm/models/manifests/$2 digest
  local -a digests
  if [[ ! -e $ours && -n $store && -e $theirs ]]; then
    mapfile -t digests < <(digests_of "$theirs")
    difference "model files of $2" "taken from $store" "not taken"
    if [[ $VERB == apply ]]; then
      for digest in "${digests[@]}"; do
        if ! blob_is_whole "$store" "$digest"; then
          progress "  $2 is not whole in $store: it is downloaded anew"
          return 0
        fi
      done
      for digest in "${digests[@]}"; do take_blob "$store" "$digest"; done
      make_folders "$ours"
      own_file "$ours"
      put_file "$ours" "$theirs" tms:tms 0644
      changed "model files of $2"
    fi
  fi
  if owned file "$ours"; then
    keep_folders "$ours"
    own_file "$ours"
    while read -r digest; do
      keep_folders "$(blob_path "$digest")"
      if owned link "$(blob_path "$digest")"; then own link "$(blob_path "$digest")" absent; fi
    done < <(digests_of "$ours")
  fi
}

# folders_of PATH: those between our store and a file in it, outermost first.
folders_of() {
  local folder=/opt/llm/models part
  local -a parts
  IFS=/ read -ra parts <<<"${1#"$folder"/}"
  for part in "${parts[@]::${#parts[@]}-1}"; do
    folder+=/$part
    echo "$folder"
  done
}

make_folders() { # PATH
  local folder
  while read -r folder; do
    if [[ -d $folder ]]; then continue; fi
    own directory "$folder" absent
    install -d -o tms -g tms -m 0700 -- "$folder"
  done < <(folders_of "$1")
}

keep_folders() { # PATH
  local folder
  while read -r folder; do
    if owned directory "$folder"; then own directory "$folder" absent; fi
  done < <(folders_of "$1")
}

digests_of() { if [[ -e $1 ]]; then grep -oE 'sha256:[0-9a-f]{64}' "$1" | sort -u; fi; }

blob_path() { printf '/opt/llm/models/blobs/%s' "${1/:/-}"; }

# A blob's name is its checksum; what we have already was checked when it came.
blob_is_whole() { # STORE DIGEST
  local theirs=$1/blobs/${2/:/-}
  [[ -e $(blob_path "$2") ]] || { [[ -e $theirs ]] && [[ $(sha256sum <"$theirs") == "${2#*:}  -" ]]; }
}

# A link where the engine can follow it; else a copy, which shares the disk's blocks if the file system can do that.
take_blob() { # STORE DIGEST
  local theirs=$1/blobs/${2/:/-} ours
  ours=$(blob_path "$2")
  if [[ -e $ours ]]; then return 0; fi
  make_folders "$ours"
  own link "$ours" absent
  # Left by a run that was killed, or to a place that is gone.
  rm -f -- "$ours" "$(candidate_of "$ours")"
  if engine_can_read "$theirs"; then
    ln -s -- "$theirs" "$(candidate_of "$ours")"
  else
    progress "  copy $(basename "$theirs")"
    cp --reflink=auto -- "$theirs" "$(candidate_of "$ours")"
  fi
  chown -h tms:tms "$(candidate_of "$ours")"
  mv -T -- "$(candidate_of "$ours")" "$ours"
}

engine_can_read() {
  # The unit's ProtectHome hides these.
  case $1 in /home/* | /root/* | /run/user/*) return 1 ;; esac
  runuser -u tms -- test -r "$1"
}
