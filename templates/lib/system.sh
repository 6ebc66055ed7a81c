# shellcheck shell=bash
# Packages, accounts, units: the Debian family. Read-only questions first, so that a converged host is left alone.

apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null; }

# Three letters: what is wanted of it, what it is, whether dpkg can go on from there.
package_state() { dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null; }

package_installed() { [[ $(package_state "$1") == ii* ]]; }

POLICY=/usr/sbin/policy-rc.d

# On the ledger, so that one that a killed run left is taken back like everything else.
hold_services_back() {
  [[ ! -e $POLICY ]] || return 0
  own file "$POLICY" absent
  printf '#!/bin/sh\n# Services start when their configuration is there, not when they are unpacked (tms-llm).\nexit 101\n' >"$(candidate_of "$POLICY")"
  chmod 0755 "$(candidate_of "$POLICY")"
  mv -T "$(candidate_of "$POLICY")" "$POLICY"
}

let_services_start() {
  owned file "$POLICY" || return 0
  restore_before "$POLICY" absent
  disown_line file "$POLICY"
}

# finish_package_work: what a killed dpkg left half done stands in the way of everything else.
finish_package_work() {
  hold_services_back
  dpkg --configure -a >"$RUN_DIR/apt.log" 2>&1 ||
    fail "dpkg --configure -a" "$(tail -n 5 "$RUN_DIR/apt.log")" "correct the host's package state by hand, then run up again"
}

# ensure_package NAME…
ensure_package() {
  local name
  local -a missing=() owned_packages=()
  # A run that was killed while installing leaves it.
  [[ $VERB == check ]] || let_services_start
  for name in "$@"; do
    package_installed "$name" || missing+=("$name")
  done
  if ((${#missing[@]})); then
    difference "packages" "${missing[*]} installed" "not installed"
    if [[ $VERB == apply ]]; then install_packages "${missing[@]}"; fi
  fi
  mapfile -t owned_packages < <(awk -F'\t' -v step="$STEP" '$2 == step && $3 == "package" { print $4 }' "$LEDGER")
  for name in "${owned_packages[@]}"; do own package "$name" absent; done
}

# apt names to own-packages.sh what it is about to unpack, dependencies included. Asking it beforehand would take half a second.
apt_install() { # NAME…
  # The packages' scripts would each have systemd read all its units again; once is enough.
  PHASE=$PHASE STEP=$STEP RUN_DIR=$RUN_DIR SYSTEMD_OFFLINE=1 apt_get install --no-install-recommends \
    -o "DPkg::Pre-Install-Pkgs::=bash $LIB/own-packages.sh" "$@" &&
    systemctl daemon-reload
}

install_packages() {
  local log=$RUN_DIR/apt.log
  progress "  install $*"
  finish_package_work
  # There may be no lists of packages yet, or aged ones, which name files that the mirror no longer has.
  if ! apt_install "$@" >"$log" 2>&1; then
    { apt_get update && apt_install "$@"; } >>"$log" 2>&1 ||
      fail "packages $*" "$(tail -n 5 "$log")" "see the last lines above; correct the host's package state, then run up again"
  fi
  let_services_start
  changed "packages $*"
}

remove_packages() {
  local name state
  local -a present=() broken=()
  for name in "$@"; do
    state=$(package_state "$name") || continue
    present+=("$name")
    [[ $state != ?H* && $state != ??R ]] || broken+=("$name")
  done
  ((${#present[@]})) || return 0
  finish_package_work
  # Of a package that a kill left half unpacked or half removed, dpkg knows the files only when it has unpacked it whole.
  if ((${#broken[@]})) && ! apt_get install --no-install-recommends "${broken[@]}" >"$RUN_DIR/apt.log" 2>&1; then
    progress "  ${broken[*]}: half unpacked, and the archive is not to be had; some files may stay"
  fi
  package_removal "${present[*]}" apt_get -o Dpkg::Options::=--force-remove-reinstreq purge "${present[@]}"
  # Of what an earlier, killed removal took away apt no longer asks for the configuration.
  local -a left=()
  for name in "${present[@]}"; do
    if [[ $(package_state "$name") != ?n* ]]; then left+=("$name"); fi
  done
  if ((${#left[@]})); then package_removal "${left[*]}" dpkg --force-remove-reinstreq --purge "${left[@]}"; fi
}

package_removal() { # NAMES COMMAND…
  "${@:2}" >"$RUN_DIR/apt.log" 2>&1 ||
    fail "removal of the packages $1" "$(tail -n 5 "$RUN_DIR/apt.log")" "correct the host's package state by hand, then run the command again"
}

# ensure_user NAME HOME: a system account that nobody can log in to, with its group.
ensure_user() {
  local name=$1 home=$2 found
  found=$(getent passwd "$name" | cut -d: -f6,7) || found=
  if [[ -z $found ]]; then
    difference "user $name" "present" "absent"
    if [[ $VERB == apply ]]; then
      own user "$name" absent
      # In two commands: useradd, killed after it has made the group, would refuse its own leaving for ever.
      getent group "$name" >/dev/null || groupadd --system "$name"
      useradd --system --gid "$name" --home-dir "$home" --no-create-home --shell /usr/sbin/nologin "$name"
      changed "user $name"
    fi
  fi
  if owned user "$name"; then
    own user "$name" absent
    if [[ -n $found && $found != "$home:/usr/sbin/nologin" ]]; then
      difference "user $name" "$home:/usr/sbin/nologin" "$found"
      if [[ $VERB == apply ]]; then
        usermod --home "$home" --shell /usr/sbin/nologin "$name"
        changed "user $name"
      fi
    fi
    ensure_no_password "$name"
  fi
}

ensure_no_password() { # USER
  if [[ $(getent shadow "$1" | cut -d: -f2) != [*!]* ]]; then
    difference "user $1" "no password" "has one"
    if [[ $VERB == apply ]]; then
      usermod --password '!' "$1"
      changed "password of $1"
    fi
  fi
}

# check_groups USER GROUP…: a further group, like docker or sudo, would give the service what it must not have.
check_groups() {
  local user=$1 group
  shift
  owned user "$user" || return 0
  for group in $(id -nG "$user" 2>/dev/null); do
    if [[ " $user $* " != *" $group "* ]]; then
      foreign "user $user" "in no group but $user $*" "in $group" "gpasswd --delete $user $group"
    fi
  done
}

undo_user() {
  if getent passwd "$1" >/dev/null; then
    if pkill -KILL -u "$1"; then sleep 0.2; fi
    userdel "$1"
  fi
  if getent group "$1" >/dev/null; then groupdel "$1"; fi
}

# ensure_member USER GROUP: nothing where the group does not exist.
ensure_member() {
  getent group "$2" >/dev/null || return 0
  if ! id -nG "$1" 2>/dev/null | grep -qw -- "$2"; then
    difference "user $1" "in group $2" "not in it"
    if [[ $VERB == apply ]]; then
      own member "$1:$2" absent
      gpasswd --add "$1" "$2" >/dev/null
      changed "user $1 in group $2"
    fi
  fi
  if owned member "$1:$2"; then own member "$1:$2" absent; fi
}

undo_member() {
  if id -nG "$1" 2>/dev/null | grep -qw -- "$2"; then gpasswd --delete "$1" "$2" >/dev/null; fi
}

# ensure_unit NAME [--reload]: enabled and running on its newest files.
ensure_unit() {
  local unit=$1 how=restart enabled active before pending=$STATE/pending/$1
  [[ ${2:-} != --reload ]] || how=reload
  enabled=$(systemctl is-enabled "$unit" 2>/dev/null) || enabled=${enabled:-absent}
  active=$(systemctl is-active "$unit" 2>/dev/null) || active=${active:-unknown}
  before="$enabled $active"
  if [[ $VERB == check ]]; then
    [[ $enabled == enabled ]] || difference "unit $unit" enabled "$enabled"
    [[ $active == active ]] || difference "unit $unit" active "$active"
    [[ ! -e $pending ]] || difference "unit $unit" "running on its newest files" "not yet restarted"
    check_drop_ins "$unit"
    return 0
  fi
  own unit "$unit" "$before"
  if [[ $(systemctl show -P NeedDaemonReload "$unit") == yes || -e $pending ]]; then systemctl daemon-reload; fi
  if [[ $enabled != enabled ]]; then
    systemctl enable --quiet "$unit"
    changed "unit $unit enabled"
  fi
  if [[ $active == active && -e $pending ]]; then
    progress "  $how $unit"
    systemctl "$how" "$unit" || unit_failed "$unit"
    changed "unit $unit ${how}ed"
  elif [[ $active != active ]]; then
    progress "  start $unit"
    systemctl reset-failed "$unit" 2>/dev/null || systemctl cat "$unit" >/dev/null
    systemctl start "$unit" || unit_failed "$unit"
    changed "unit $unit started"
  fi
  rm -f "$pending"
}

# A drop-in of the unit's own changes what we wrote; those for all units are the distribution's.
check_drop_ins() { # UNIT
  local path
  while read -r path; do
    if [[ $path == */"$1".d/* ]] && ! owned file "$path"; then
      foreign "unit $1" "no drop-in" "$path" "systemctl revert $1, or move its lines into the stack file; then systemctl restart $1"
    fi
  done < <(systemctl show -P DropInPaths "$1" | tr ' ' '\n')
}

# ensure_fresh UNIT PID FILE…: a file that is younger than the process may have been another one when the process read it.
ensure_fresh() {
  local unit=$1 pid=$2 file started
  shift 2
  started=$(ps -o etimes= -p "$pid" 2>/dev/null) || return 0
  # ps counts whole seconds.
  started=$(($(date +%s) - started + 1))
  for file in "$@"; do
    if [[ -e $file ]] && (($(stat -c %Y -- "$file") > started)); then
      difference "unit $unit" "running on its newest files" "started before $file was written"
      [[ $VERB == check ]] || notify "$unit"
      return 0
    fi
  done
}

# planned_files: the paths of the step's files.
planned_files() { cut -f1 "$STEP_DIR/files.tsv"; }

unit_failed() {
  fail "unit $1 does not start" "$(journalctl -u "$1" -n 8 -o cat --no-pager)" "read the lines above; on the host: journalctl -u $1"
}

undo_unit() { # NAME "ENABLED ACTIVE"
  rm -f "$STATE/pending/$1"
  systemctl cat "$1" >/dev/null 2>&1 || return 0
  if [[ $2 != enabled* ]]; then systemctl disable --quiet "$1"; fi
  if [[ $2 == *" active" ]]; then systemctl reload-or-restart "$1"; else systemctl stop "$1"; fi
}

# wait_for_http SECONDS URL: polls until the answer is a 2xx.
wait_for_http() {
  local deadline=$((SECONDS + $1))
  until curl --fail --silent --max-time 5 --output /dev/null "$2"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}
