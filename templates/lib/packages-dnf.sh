# shellcheck shell=bash
# Packages of RHEL's family, by dnf 4 and rpm. Services of an rpm start when systemd is told to, so none is held back.

# What has another name than in the Debian family, whose names the plan speaks. As paths: programs that more than one
# package brings, like curl and curl-minimal.
rpm_name() {
  case $1 in
    curl) echo /usr/bin/curl ;;
    g++) echo gcc-c++ ;;
    gpg) echo /usr/bin/gpg ;;
    iproute2) echo iproute ;;
    libc6-dev) echo glibc-devel ;;
    libnuma1) echo numactl-libs ;;
    procps) echo procps-ng ;;
    *) echo "$1" ;;
  esac
}

# By what it provides, or by name, version and architecture, as the headers of one kernel are called.
package_installed() {
  local name
  name=$(rpm_name "$1")
  rpm --query --quiet --whatprovides "$name" || rpm --query --quiet "$name"
}

dnf_run() { LC_ALL=C.UTF-8 dnf --quiet --assumeyes --setopt=install_weak_deps=False "$@" </dev/null; }

# The packages of a transaction under way. rpm does not know afterwards how far a killed one had come.
TRANSACTION=$STATE/pending/dnf

# settle_packages: ends what a killed run left. What is there may lack its last scripts, what is not may lie about in parts.
settle_packages() {
  local name
  local -a there=() missing=()
  [[ -e $TRANSACTION ]] || return 0
  progress "  finish the packages of a run that was killed"
  rpm --query --all >/dev/null 2>&1 || rpm --rebuilddb
  while read -r name; do
    if rpm --query --quiet "$name"; then there+=("$name"); else missing+=("$name"); fi
  done <"$TRANSACTION"
  if ((${#there[@]})) && ! dnf_run reinstall "${there[@]}" >"$RUN_DIR/dnf.log" 2>&1; then
    progress "  ${there[*]}: not to be had any more; their scripts may not have run"
  fi
  if ((${#missing[@]})) && ! dnf_run install "${missing[@]}" >"$RUN_DIR/dnf.log" 2>&1; then
    progress "  ${missing[*]}: not to be had any more; some files may lie about"
  fi
  rm -f "$TRANSACTION"
}

# Enterprise Linux 8 keeps dnf's Python apart from the user's.
dnf_python() {
  if [[ -x /usr/libexec/platform-python ]]; then echo /usr/libexec/platform-python; else echo python3; fi
}

install_packages() { # NAME…
  local name log=$RUN_DIR/dnf.log
  local -a wanted=() additions
  for name in "$@"; do wanted+=("$(rpm_name "$name")"); done
  progress "  install $*"
  "$(dnf_python)" "$LIB/dnf-additions.py" "${wanted[@]}" >"$RUN_DIR/additions" 2>"$log" ||
    fail "packages $*" "$(tail -n 5 "$log")" "check the host's repositories (dnf repolist) and its way to them, then run up again"
  mapfile -t additions < <(grep -vxFf <(rpm --query --all --queryformat '%{NAME}\n') "$RUN_DIR/additions")
  mkdir -p "${TRANSACTION%/*}"
  for name in "${additions[@]}"; do
    own package "$name" absent
    echo "$name"
  done >"$TRANSACTION.next"
  mv -T "$TRANSACTION.next" "$TRANSACTION"
  dnf_run install "${wanted[@]}" >"$log" 2>&1 || {
    # One that ended by itself left nothing half done; one that was killed has a code above 128.
    (($? > 128)) || rm -f "$TRANSACTION"
    fail "packages $*" "$(tail -n 5 "$log")" "see the last lines above; correct the host's package state, then run up again"
  }
  rm -f "$TRANSACTION"
  changed "packages $*"
}

remove_packages() { # NAME…
  local name
  local -a present=()
  local spared
  settle_packages
  for name in "$@"; do
    if rpm --query --quiet "$name"; then present+=("$name"); fi
  done
  ((${#present[@]})) || return 0
  spared=$(needed_elsewhere "${present[@]}")
  if [[ -n $spared ]]; then
    progress "  ${spared//$'\n'/ }: stays, since other packages have come to need it"
    mapfile -t present < <(printf '%s\n' "${present[@]}" | grep -vxFf <(echo "$spared"))
    ((${#present[@]})) || return 0
  fi
  dnf_run --noautoremove remove "${present[@]}" >"$RUN_DIR/dnf.log" 2>&1 ||
    fail "removal of the packages ${present[*]}" "$(tail -n 5 "$RUN_DIR/dnf.log")" "correct the host's package state by hand, then run the command again"
}

# needed_elsewhere NAME…: those of them that packages of others need, and what these need in turn. dnf would take the others
# away too.
needed_elsewhere() {
  local refusal name
  local -a rest=("$@") needed
  while ((${#rest[@]})) && ! refusal=$(rpm --erase --test "${rest[@]}" 2>&1); do
    mapfile -t needed < <(sed -nE 's/^\t([^ ]+) .*is needed by \(installed\) .*/\1/p' <<<"$refusal" |
      xargs -r -d '\n' rpm --query --queryformat '%{NAME}\n' --whatprovides | grep -xFf <(printf '%s\n' "${rest[@]}") | sort -u)
    ((${#needed[@]})) || fail "removal of the packages ${rest[*]}" "$refusal" "correct the host's package state by hand, then run the command again"
    printf '%s\n' "${needed[@]}"
    mapfile -t rest < <(printf '%s\n' "${rest[@]}" | grep -vxFf <(printf '%s\n' "${needed[@]}"))
  done
}

hold_package() { dnf_run versionlock add "$1" >/dev/null; }
release_package() { dnf_run versionlock delete "$1" >/dev/null; }
# As "NAME-EPOCH:VERSION-RELEASE.*".
package_held() {
  dnf_run versionlock list 2>/dev/null |
    awk -v name="$1-" 'index($0, name) == 1 && substr($0, length(name) + 1) ~ /^[0-9]+:/ { found = 1 } END { exit !found }'
}

package_offered() { dnf_run list --available "$1" >/dev/null 2>&1; }
offered_version() { dnf_run repoquery --latest-limit 1 --queryformat '%{version}-%{release}' "$1-$2" 2>/dev/null; }

# By the lists that the host has already. A lock hides what it keeps back.
newer_packages() { # NAME…
  local list advisories='' name offered
  if ! list=$(dnf_run --cacheonly --disableplugin=versionlock list --upgrades "$@" 2>/dev/null); then return 0; fi
  advisories=$(dnf_run --cacheonly --disableplugin=versionlock updateinfo list --updates --security "$@" 2>/dev/null) || advisories=
  awk 'NF == 3 && $2 ~ /^[0-9]/ { name = $1; sub(/\.[^.]*$/, "", name); print name, $2 }' <<<"$list" |
    while read -r name offered; do
      printf '%s\t%s\t%s\t%s\n' "$name" "$(package_version "$name")" "$offered" \
        "$(if [[ $advisories == *"$name-"* ]]; then echo security; else echo -; fi)"
    done
}

package_version() { if rpm --query --quiet "$1"; then rpm --query --queryformat '%{VERSION}-%{RELEASE}' "$1"; fi; }
package_at() { echo "$1-$2"; }
