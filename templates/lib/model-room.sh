# shellcheck shell=bash
# Whether the disk has room for what a model's name stands for. Its registry is asked before Ollama fetches anything.

MODEL_STORE=/opt/llm/models

# Stays free when everything is there: logs and databases of others may be on the same disk.
MODEL_RESERVE=$((1 << 28))

# require_model_room NAME MODELFILE: fails before a byte is fetched. A registry that does not tell is no reason to fail.
require_model_room() {
  local source where needed free
  source=$(sed -n 's/^FROM //p' "$2")
  if [[ $source == /* ]]; then
    where=$source
    needed=$(printf '%s %s\n' "$(basename "$source")" "$(stat -c %s "$source")" | bytes_to_fetch)
  elif [[ -n $(model_digest "$source") ]]; then
    return 0
  else
    where=$(manifest_url "$source")
    if ! needed=$(ask_manifest "$where" | bytes_to_fetch); then
      progress "  how large $1 is cannot be told beforehand: $where ($(tail -n 1 "$RUN_DIR/manifest.log"))"
      return 0
    fi
  fi
  free=$(df --output=avail -B1 "$MODEL_STORE" | tail -n 1)
  ((needed + (needed > 0 ? MODEL_RESERVE : 0) <= free)) ||
    fail "model $1 does not fit on the disk" "$(human_size "$needed") come from $where, and $(human_size "$free" --round=down) are free at $MODEL_STORE" \
      "free some space, mount a larger disk at $MODEL_STORE, or choose a smaller quantization or model; nothing was fetched$(former_goes_on "$1")"
}

# manifest_url NAME: where Ollama asks for a name, [SERVER/][NAMESPACE/]MODEL[:TAG].
manifest_url() {
  local name=$1 server=registry.ollama.ai tag=latest
  if [[ ${name##*/} == *:* ]]; then tag=${name##*:} name=${name%:*}; fi
  case $name in
    */*/*) server=${name%%/*} name=${name#*/} ;;
    */*) ;;
    *) name=library/$name ;;
  esac
  printf 'https://%s/v2/%s/manifests/%s' "$server" "$name" "$tag"
}

# ask_manifest URL: prints "SHA-256 BYTES" of each part that the manifest names.
ask_manifest() {
  local manifest
  manifest=$(curl --fail --silent --show-error --location --connect-timeout 10 --max-time 30 --user-agent ollama \
    --header 'Accept: application/vnd.docker.distribution.manifest.v2+json' "$1" 2>"$RUN_DIR/manifest.log") || return
  tr -d ' \t\r\n' <<<"$manifest" | tr '{}' '\n' | awk '
    match($0, /"digest":"sha256:[0-9a-f]+"/) {
      digest = substr($0, RSTART + 17, RLENGTH - 18)
      if (match($0, /"size":[0-9]+/)) { print digest, substr($0, RSTART + 7, RLENGTH - 7); found = 1 }
    }
    END { exit !found }' || {
    echo "its answer is no manifest" >"$RUN_DIR/manifest.log"
    return 1
  }
}

# bytes_to_fetch: of "SHA-256 BYTES" lines, what the store does not have yet, whole or in part.
bytes_to_fetch() {
  local digest bytes blob there sum=0
  while read -r digest bytes; do
    blob=$MODEL_STORE/blobs/sha256-$digest
    [[ ! -e $blob ]] || continue
    # Ollama makes it as long as it is going to be at once: its blocks tell how far it is.
    there=$(($(stat -c '%b * %B' "$blob-partial" 2>/dev/null || echo 0)))
    if ((bytes > there)); then sum=$((sum + bytes - there)); fi
  done < <(sort -u)
  echo "$sum"
}

# human_size BYTES [OPTION]: rounded up, unless told otherwise.
human_size() { numfmt --to=iec-i --suffix=B --format=%.1f "${@:2}" "$1"; }
