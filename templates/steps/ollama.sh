# shellcheck shell=bash disable=SC2154
# Ollama from its archive, one folder per version, as a hardened unit on loopback.

step() {
  local home=/opt/llm/ollama/$in_version
  local -a files
  ensure_directory /opt/llm/ollama root:root 0755
  install_release "$home"
  ensure_label '/opt/llm/ollama/[^/]+/bin(/.*)?' bin_t "$home"
  ensure_files --notify tms-ollama.service
  if [[ $VERB == apply ]]; then echo "$home/bin/ollama $in_port" >"$STATE/ollama"; fi
  ensure_loopback
  mapfile -t files < <(planned_files)
  ensure_fresh tms-ollama.service "$(unit_property tms-ollama.service MainPID)" "${files[@]}"
  ensure_unit tms-ollama.service
  ensure_answer
}

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
      touch "$home.next/.complete"
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
