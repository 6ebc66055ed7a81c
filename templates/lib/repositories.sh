# shellcheck shell=bash
# Repositories of packages, and the keys that sign them. A key is trusted by its fingerprint, whoever hands it out.

# key_fingerprints FILE: of every primary key in it, separated by commas; nothing of a file that is no key.
key_fingerprints() {
  { GNUPGHOME=$RUN_DIR gpg --batch --quiet --no-autostart --with-colons --show-keys "$1" 2>/dev/null || true; } |
    awk -F: '$1 == "pub" { primary = 1 } $1 == "fpr" && primary { print $10; primary = 0 }' | paste -sd,
}

# ensure_key PATH URL FINGERPRINT: the key that has it, and no other one beside it.
ensure_key() {
  local path=$1 url=$2 wanted=$3 found=absent candidate
  ensure_package gpg
  [[ ! -e $path ]] || found=$(key_fingerprints "$path")
  if [[ $found != "$wanted" ]]; then
    difference "key $path" "$wanted" "$found"
    if [[ $VERB == apply ]]; then
      own_file "$path"
      candidate=$(candidate_of "$path")
      install -d -m 0755 "${path%/*}"
      curl --fail --silent --show-error --location --retry 5 --output "$candidate" "$url" 2>"$RUN_DIR/key.log" ||
        fail "the key of the packages could not be fetched" "$(tail -n 1 "$RUN_DIR/key.log"): $url" "check the host's way out, or set mirrors in the stack file"
      found=$(key_fingerprints "$candidate")
      if [[ $found != "$wanted" ]]; then
        rm -f -- "$candidate"
        fail "the key at $url is not the one that is pinned" "fingerprint ${found:-of no key at all}, pinned $wanted" \
          "find out who answers there; for a mirror that signs anew, give its own key in the stack file (mirrors, key)"
      fi
      chmod 0644 "$candidate"
      mv -T -- "$candidate" "$path"
      changed "key $path"
    fi
  fi
  own file "$path" absent
}

# repository_elsewhere URL OURS: a list of somebody else's that names the same repository. Two with different keys are refused
# by apt, and one is enough. The last part of the address may be written as $(ARCH) or $basearch.
repository_elsewhere() {
  local file address=${1#*://}
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/yum.repos.d/*.repo; do
    if [[ -e $file && $file != "$2" ]] && grep -v '^[[:space:]]*#' "$file" | grep -qF -- "${address%/*}/"; then
      echo "$file"
      return 0
    fi
  done
}

# ensure_repository LIST URL KEYRING KEY-URL FINGERPRINT: LIST is a file of the plan.
ensure_repository() {
  local list=$1 url=$2 keyring=$3 before elsewhere
  elsewhere=$(repository_elsewhere "$url" "$list")
  if [[ -n $elsewhere ]]; then
    progress "  $elsewhere names $url already"
    echo "$list" >>"$RUN_DIR/handled"
    return 0
  fi
  ensure_key "$keyring" "$4" "$5"
  if [[ $(system_family) == rhel ]]; then ensure_rpm_key "$keyring" "$5"; fi
  before=$(describe_file "$list")
  ensure_file "$list"
  if [[ $VERB == apply && $(describe_file "$list") != "$before" ]]; then refresh_packages; fi
}

# refresh_packages: what a repository that has just been named offers.
refresh_packages() {
  if [[ $(system_family) == debian ]]; then
    apt_get update >"$RUN_DIR/apt.log" 2>&1 ||
      fail "the lists of packages could not be fetched" "$(tail -n 3 "$RUN_DIR/apt.log")" "check the host's way out and its sources of packages, then run up again"
  fi
}

# ensure_rpm_key FILE FINGERPRINT: rpm keeps keys under the last eight digits.
ensure_rpm_key() {
  local id
  id=$(tail -c 9 <<<"$2" | tr '[:upper:]' '[:lower:]')
  if [[ -z $(rpm_keys "$id") ]]; then
    difference "rpm's key $id" present absent
    if [[ $VERB == apply ]]; then
      own rpm-key "$id" absent
      rpm --import "$1" 2>"$RUN_DIR/key.log" ||
        fail "rpm does not take the key $1" "$(tail -n 2 "$RUN_DIR/key.log")" \
          "the host's crypto policy may forbid how it is signed (update-crypto-policies --show); give a mirror with a key of its own (mirrors, key)"
      changed "rpm's key $id"
    fi
  fi
  if owned rpm-key "$id"; then own rpm-key "$id" absent; fi
}

rpm_keys() { rpm --query --all gpg-pubkey --queryformat '%{NAME}-%{VERSION}-%{RELEASE}\n' | grep "^gpg-pubkey-$1-" || test $? = 1; }

undo_rpm_key() { rpm_keys "$1" | xargs -r rpm --erase --allmatches; }

# ensure_dnf_module NAME:STREAM
ensure_dnf_module() {
  local name=${1%%:*}
  if [[ $(enabled_stream "$name") != "${1#*:}" ]]; then
    difference "module $name" "stream ${1#*:}" "$(enabled_stream "$name")"
    if [[ $VERB == apply ]]; then
      if [[ -e $(module_record "$name") ]]; then own dnf-module "$name" known; else own dnf-module "$name" absent; fi
      { dnf_run module reset "$name" && dnf_run module enable "$1"; } >"$RUN_DIR/dnf.log" 2>&1 ||
        fail "module stream $1" "$(tail -n 5 "$RUN_DIR/dnf.log")" "on the host: dnf module list $name; check its repositories, then run up again"
      changed "module stream $1"
    fi
  fi
  if owned dnf-module "$name"; then own dnf-module "$name" absent; fi
}

# dnf's own record, which no question to the repositories is needed for.
module_record() { printf '/etc/dnf/modules.d/%s.module' "$1"; }
enabled_stream() { sed -n 's/^stream *= *//p' "$(module_record "$1")" 2>/dev/null || test $? = 2; }

# A reset leaves an empty record. It may fail where the repository has gone already.
undo_dnf_module() { # NAME BEFORE
  if ! dnf_run module reset "$1" >"$RUN_DIR/dnf.log" 2>&1; then progress "  module $1: $(tail -n 1 "$RUN_DIR/dnf.log")"; fi
  if [[ $2 == absent ]]; then rm -f -- "$(module_record "$1")"; fi
}
