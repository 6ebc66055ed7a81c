# shellcheck shell=bash
# Files and folders. A file is written beside its place, validated, then renamed: a reader sees the old or the new one.

INCOMING=/var/lib/tms-llm-incoming

file_row() { awk -F'\t' -v path="$1" '$1 == path { print; exit }' "$STEP_DIR/files.tsv"; }

same_file() { # PATH SOURCE OWNER MODE
  [[ -f $1 && ! -L $1 ]] && [[ $(stat -c '%U:%G %04a' -- "$1") == "$3 $4" ]] && cmp -s -- "$1" "$2"
}

# files_differ: whether one of the step's files is not on the host as it is planned.
files_differ() {
  local path owner mode source
  while IFS=$'\t' read -r path owner mode source; do
    same_file "$path" "$STEP_DIR/files/$source" "$owner" "$mode" || return 0
  done <"$STEP_DIR/files.tsv"
  return 1
}

describe_file() {
  if [[ -e $1 ]]; then
    printf '%s %s' "$(stat -c '%U:%G %04a' -- "$1")" "$(sha256sum <"$1" | cut -c1-12)"
  else
    printf 'absent'
  fi
}

notify() { # UNIT…: it must be restarted or reloaded, also when we are killed before that
  local unit
  mkdir -p "$STATE/pending"
  for unit in "$@"; do touch "$STATE/pending/$unit"; done
}

# own_file PATH: a file that was there before us is kept once, and comes back when we go.
own_file() {
  local before=absent
  if [[ $VERB == apply ]] && ! owned file "$1"; then before=$(keep_before "$1"); fi
  own file "$1" "$before"
}

# Where a new version is made ready, on the same file system; a killed run may leave it there.
candidate_of() { printf '%s/.tms-llm.%s' "${1%/*}" "${1##*/}"; }

drop_candidate() {
  local candidate
  candidate=$(candidate_of "$1")
  if [[ -e $candidate || -L $candidate ]]; then rm -f -- "$candidate"; fi
}

# put_file PATH SOURCE OWNER MODE: the write itself, atomic.
put_file() {
  local path=$1 source=$2 owner=$3 mode=$4 candidate
  candidate=$(candidate_of "$path")
  install -T -o "${owner%%:*}" -g "${owner#*:}" -m "$mode" -- "$source" "$candidate"
  mv -T -- "$candidate" "$path"
}

# ensure_file PATH [--notify UNIT]: PATH is as in the plan.
ensure_file() {
  local path=$1 unit='' source owner mode
  shift
  while (($#)); do
    case $1 in
      --notify) unit=$2 ;;
      *) fail "ensure_file $path" "unknown option $1" "mend the step script" ;;
    esac
    shift 2
  done
  IFS=$'\t' read -r _ owner mode source < <(file_row "$path")
  [[ -n ${source:-} ]] || fail "ensure_file $path" "the plan has no such file" "mend the step script"
  source=$STEP_DIR/files/$source
  echo "$path" >>"$RUN_DIR/handled"
  if same_file "$path" "$source" "$owner" "$mode"; then
    own_file "$path"
    [[ $VERB == check ]] || drop_candidate "$path"
    return 0
  fi
  difference "file $path" "$(printf '%s %s %s' "$owner" "$mode" "$(sha256sum <"$source" | cut -c1-12)")" "$(describe_file "$path")"
  [[ $VERB == apply ]] || return 0
  own_file "$path"
  [[ -z $unit ]] || notify "$unit"
  put_file "$path" "$source" "$owner" "$mode"
  changed "file $path"
}

# ensure_files [--notify UNIT] [--validate-all COMMAND]: the step's files that no ensure_file took.
# With --validate-all the whole set is put in place, COMMAND judges it, and a bad set is taken back whole.
ensure_files() {
  local unit='' validator='' path owner mode source
  local -a stale=()
  while (($#)); do
    case $1 in
      --notify) unit=$2 ;;
      --validate-all) validator=$2 ;;
      *) fail "ensure_files" "unknown option $1" "mend the step script" ;;
    esac
    shift 2
  done
  while IFS=$'\t' read -r path owner mode source; do
    ! grep -qxF -- "$path" "$RUN_DIR/handled" || continue
    same_file "$path" "$STEP_DIR/files/$source" "$owner" "$mode" || stale+=("$path")
  done <"$STEP_DIR/files.tsv"
  if [[ -n $validator && $VERB == apply && ${#stale[@]} -gt 0 ]]; then stage_previous "${stale[@]}"; fi
  while IFS=$'\t' read -r path _; do
    if grep -qxF -- "$path" "$RUN_DIR/handled"; then continue; fi
    ensure_file "$path" ${unit:+--notify "$unit"}
  done <"$STEP_DIR/files.tsv"
  if [[ -n $validator && $VERB == apply && ${#stale[@]} -gt 0 ]]; then validate_set "$validator" "${stale[@]}"; fi
  [[ ! -d $STATE/staged || $VERB != apply ]] || rm -rf "$STATE/staged"
}

stage_previous() {
  local path
  # A set that a killed run left half in place is taken back first, so that "previous" means the last valid one.
  if [[ -e $STATE/staged/complete ]]; then restore_previous; fi
  rm -rf "$STATE/staged"
  mkdir -p "$STATE/staged"
  for path in "$@"; do
    printf '%s\n' "$path" >>"$STATE/staged/list"
    if [[ -e $path ]]; then cp -a -- "$path" "$STATE/staged/$(printf '%s' "$path" | sha256sum | cut -c1-16)"; fi
  done
  touch "$STATE/staged/complete"
}

restore_previous() {
  local path name
  while read -r path; do
    name=$(printf '%s' "$path" | sha256sum | cut -c1-16)
    if [[ -e $STATE/staged/$name ]]; then mv -T -- "$STATE/staged/$name" "$path"; else rm -f -- "$path"; fi
  done <"$STATE/staged/list"
  rm -rf "$STATE/staged"
}

validate_set() { # COMMAND PATH…
  local command=$1 output
  shift
  if ! output=$(bash -c "$command" 2>&1); then
    restore_previous
    fail "the new configuration is not valid" "$command says: $output" "correct the stack file or the template; the host still has the old files"
  fi
}

# ensure_directory PATH OWNER:GROUP MODE
ensure_directory() {
  local path=$1 owner=$2 mode=$3 found=absent
  [[ ! -d $path ]] || found=$(stat -c '%04a %U:%G' -- "$path")
  if [[ $found != "$mode $owner" ]]; then
    difference "folder $path" "$mode $owner" "$found"
    if [[ $VERB == apply ]]; then
      own directory "$path" "$found"
      install -d -o "${owner%%:*}" -g "${owner#*:}" -m "$mode" -- "$path"
      changed "folder $path"
    fi
  fi
  own directory "$path" "$found"
}

# ensure_data PATH OWNER:GROUP MODE: a folder whose content outlives a removal, unless it is purged.
ensure_data() {
  local before=absent
  if [[ $VERB == apply && -d $1 ]] && ! owned data "$1"; then before=$(keep_owners "$1"); fi
  own data "$1" "$before"
  ensure_directory "$@"
  if [[ -n $(find "$1" ! -user "${2%%:*}" -print -quit 2>/dev/null) ]]; then
    difference "content of $1" "owned by $2" "somebody else's"
    if [[ $VERB == apply ]]; then
      chown -R "$2" -- "$1"
      changed "owner of $1"
    fi
  fi
}

# ensure_absent PATH: what was there is kept and comes back when the step goes.
ensure_absent() {
  if [[ -e $1 || -L $1 ]]; then
    difference "$1" absent present
    if [[ $VERB == apply ]]; then
      own absent "$1" "$(keep_before "$1")"
      rm -f -- "$1"
      changed "$1 set aside"
    fi
  fi
  if owned absent "$1"; then own absent "$1" absent; fi
}

# ensure_link PATH TARGET
ensure_link() {
  if [[ $(readlink -- "$1") != "$2" ]]; then
    difference "link $1" "$2" "$(readlink -- "$1" || echo absent)"
    if [[ $VERB == apply ]]; then
      own link "$1" "$(keep_before "$1")"
      ln -sfnT -- "$2" "$(candidate_of "$1")"
      mv -T -- "$(candidate_of "$1")" "$1"
      changed "link $1"
    fi
  fi
  own link "$1" absent
}

# ensure_command_output PATH OWNER:GROUP MODE -- COMMAND…: made once, e.g. a key; kept when it is there.
ensure_command_output() {
  local path=$1 owner=$2 mode=$3 candidate
  shift 4
  if [[ ! -s $path ]]; then
    difference "file $path" present absent
    if [[ $VERB == apply ]]; then
      own_file "$path"
      candidate=$(candidate_of "$path")
      (umask 077 && "$@" >"$candidate") || fail "cannot make $path" "$1 failed" "see the journal of tms-llm on the host"
      chown "$owner" "$candidate"
      chmod "$mode" "$candidate"
      mv -T -- "$candidate" "$path"
      changed "file $path"
    fi
  elif [[ $(stat -c '%U:%G %04a' -- "$path") != "$owner $mode" ]]; then
    difference "file $path" "$owner $mode" "$(stat -c '%U:%G %04a' -- "$path")"
    if [[ $VERB == apply ]]; then
      chown "$owner" "$path"
      chmod "$mode" "$path"
      changed "mode of $path"
    fi
  fi
  own file "$path" absent
}

# discard_artifact NAME: what was unpacked is not needed a second time, however often it was sent.
discard_artifact() {
  local path
  path=$INCOMING/$(awk -F'\t' -v name="$1" '$1 == name { print $2 }' "$STEP_DIR/artifacts.tsv")
  # A download that broke off, before it was sent.
  rm -f -- "$path" "$path.part"
}

# download URL PATH: in three attempts, each of which goes on where the one before broke off or fell silent. curl alone
# would begin each of its retries where the first one began.
download() {
  local attempt code=0 status
  for attempt in 1 2 3; do
    status=$(curl --fail --silent --show-error --location --connect-timeout 20 --speed-limit 1024 --speed-time 30 \
      --continue-at - --output "$2" --write-out '%{http_code}' "$1") && return 0
    code=$?
    # A server that takes no ranges, or has none beyond what is here, is asked for the whole.
    if ((code == 33)) || [[ $status == 416 ]]; then rm -f -- "$2"; fi
    # It does not have the file, or not for us.
    if [[ $status == 4[0-9][0-9] && $status != @(408|416|429) ]]; then return "$code"; fi
    if ((attempt < 3)); then sleep "$attempt"; fi
  done
  return "$code"
}

# link_on_page PAGE FILE: prints where a package index has a file.
link_on_page() {
  curl --fail --silent --show-error --location --connect-timeout 20 --max-time 60 --retry 2 "$1" |
    python3 "$LIB/index-link.py" "$1" "$2"
}

# offer_artifact NAME PATH: a file of this host that may be the artifact, for one that was not sent.
offer_artifact() {
  local path
  path=$INCOMING/$(awk -F'\t' -v name="$1" '$1 == name { print $2 }' "$STEP_DIR/artifacts.tsv")
  if [[ ! -e $path && -e $2 ]]; then
    install -d -m 0700 "$INCOMING"
    cp -- "$2" "$path.offered"
    mv -T "$path.offered" "$path"
  fi
}

# artifact NAME: prints the path of the verified artifact; downloads it when it was not sent and has a URL, which may be the
# page of an index and the name of a file on it: PAGE#FILE.
artifact() {
  local name=$1 sha256 url path page
  IFS=$'\t' read -r _ sha256 url < <(awk -F'\t' -v name="$name" '$1 == name' "$STEP_DIR/artifacts.tsv")
  path=$INCOMING/$sha256
  if [[ ! -e $path && -n $url ]]; then
    install -d -m 0700 "$INCOMING"
    if [[ $url == *"#"* ]]; then
      page=${url%%#*}
      url=$(link_on_page "$page" "${url#*#}") ||
        fail "download of $name" "the index page $page does not lead to the file of the plan" "see that the mirror has that file and the host reaches it"
    fi
    progress "  download $url" >&"$JOURNAL"
    download "$url" "$path.part" ||
      fail "download of $name" "curl could not fetch $url" "see that the host reaches it, through network.proxy where it needs one; or name a mirror in the stack file (docs/operate/mirrors.md)"
    mv -T "$path.part" "$path"
  fi
  [[ -e $path ]] || fail "artifact $name is not on the host" "nothing lies at $path" "run up again: it sends the artifact anew"
  if [[ $(sha256sum <"$path") != "$sha256  -" ]]; then
    local found
    found=$(sha256sum <"$path" | cut -d' ' -f1)
    rm -f -- "$path"
    fail "checksum mismatch of $name" "expected $sha256, found $found" "the file was deleted; check its source, correct the checksum in the catalogue, then run up again"
  fi
  echo "$path"
}

# keep_files FOLDER: copies of the step's files as they are on the host, with owner and mode; for put_back_files.
keep_files() {
  local path
  mkdir -p "$1"
  while read -r path; do
    if [[ -e $path ]]; then cp -a --parents -- "$path" "$1"; fi
  done < <(planned_files)
}

put_back_files() { # FOLDER
  local path
  while read -r path; do
    cp -a -- "$1$path" "$(candidate_of "$path")" && mv -T -- "$(candidate_of "$path")" "$path"
  done < <(kept_files "$1")
}

kept_files_differ() { # FOLDER
  local path
  while read -r path; do
    if ! cmp -s -- "$1$path" "$path"; then return 0; fi
  done < <(kept_files "$1")
  return 1
}

kept_files() { find "$1" -type f -printf '/%P\n'; }
