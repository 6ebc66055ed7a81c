# shellcheck shell=bash
# Accounts and units. Read-only questions first, so that a converged host is left alone.

# debian, rhel or unknown, by /etc/os-release.
system_family() {
  local ID='' ID_LIKE=''
  # shellcheck source=/dev/null
  source /etc/os-release
  case " $ID $ID_LIKE " in
    *" debian "* | *" ubuntu "*) echo debian ;;
    *" rhel "* | *" fedora "* | *" centos "* | *" ol "*) echo rhel ;;
    *) echo unknown ;;
  esac
}

# firewall_manager CHOICE: what manages the firewall of this host.
firewall_manager() {
  if [[ $1 != auto ]]; then
    echo "$1"
  elif [[ $(system_family) == rhel ]]; then
    echo firewalld
  else
    echo ufw
  fi
}

# unit_property UNIT NAME. In the long form: systemd 239 has no -P.
unit_property() { systemctl show --property "$2" --value "$1"; }

# ensure_user NAME HOME: a system account that nobody can log in to, with its group.
ensure_user() {
  local name=$1 home=$2 found
  found=$(getent passwd "$name" | cut -d: -f6,7) || found=
  # In two commands: useradd, killed after it has made the group, would refuse its own leaving for ever.
  if [[ -z $found ]] || owned user "$name"; then ensure_group "$name"; fi
  if [[ -z $found ]]; then
    difference "user $name" "present" "absent"
    if [[ $VERB == apply ]]; then
      own user "$name" absent
      drop_account_locks
      useradd --system --gid "$name" --home-dir "$home" --no-create-home --shell /usr/sbin/nologin "$name"
      changed "user $name"
    fi
  fi
  if owned user "$name"; then
    own user "$name" absent
    [[ $VERB == check ]] || complete_user "$name"
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

# A killed useradd or groupdel leaves its locks beside the account files: FILE.PID, and FILE.lock, a second name of it. Only
# what holds the number of a process that is gone is taken for one: an administrator's copies have names like these.
drop_account_locks() {
  local file lock pid
  for file in passwd group shadow gshadow subuid subgid; do
    for lock in "/etc/$file".[0-9]* "/etc/$file.lock"; do
      [[ -f $lock ]] || continue
      pid=$(tr -d '\0' <"$lock")
      # Killed before it had written its number.
      [[ -n $pid || $lock == *.lock ]] || pid=${lock##*.}
      [[ $pid =~ ^[0-9]{1,7}$ && ($lock == *.lock || $lock == *.$pid) ]] || continue
      [[ -e /proc/$pid ]] || rm -f -- "$lock"
    done
  done
}

# complete_user NAME: a killed useradd has made the first of its two lines, and not the other.
complete_user() {
  drop_account_locks
  if [[ -e /etc/shadow ]] && ! getent shadow "$1" >/dev/null; then
    pwconv
    usermod --password '!' "$1"
    chage --mindays -1 --maxdays -1 --warndays -1 "$1"
  fi
}

# complete_group NAME: the same for groupadd.
complete_group() {
  drop_account_locks
  if [[ -e /etc/gshadow ]] && ! getent gshadow "$1" >/dev/null; then
    grpconv
    gpasswd --restrict "$1"
  fi
}

undo_user() {
  drop_account_locks
  if getent passwd "$1" >/dev/null; then
    if pkill -KILL -u "$1"; then sleep 0.2; fi
    # userdel takes the user's own group along, which may have been there before us.
    owned group "$1" || usermod --gid 65534 "$1"
    userdel "$1"
  elif getent shadow "$1" >/dev/null; then
    # A killed userdel has taken the first of the two lines.
    pwconv
  fi
}

undo_group() {
  drop_account_locks
  if getent group "$1" >/dev/null; then
    groupdel "$1"
  elif getent gshadow "$1" >/dev/null; then
    grpconv
  fi
}

# ensure_group NAME: a system group; one that is there is used as it is.
ensure_group() {
  if ! getent group "$1" >/dev/null; then
    difference "group $1" present absent
    if [[ $VERB == apply ]]; then
      own group "$1" absent
      drop_account_locks
      groupadd --system "$1"
      changed "group $1"
    fi
  fi
  if owned group "$1"; then
    own group "$1" absent
    [[ $VERB == check ]] || complete_group "$1"
  fi
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

# By the group's list: the user may be gone already.
undo_member() {
  if getent group "$2" | cut -d: -f4 | tr , '\n' | grep -qx -- "$1"; then gpasswd --delete "$1" "$2" >/dev/null; fi
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
  if [[ $(unit_property "$unit" NeedDaemonReload) == yes || -e $pending ]]; then systemctl daemon-reload; fi
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

# ensure_resting UNIT: somebody else's unit neither runs nor starts at boot; as it was, it comes back when we go.
ensure_resting() {
  local unit=$1 enabled active
  enabled=$(systemctl is-enabled "$unit" 2>/dev/null) || enabled=${enabled:-absent}
  active=$(systemctl is-active "$unit" 2>/dev/null) || active=${active:-unknown}
  # Ours may have taken its name.
  if owned unit "$unit"; then
    own resting "$unit" "as before"
    return
  fi
  if [[ $enabled == enabled || $active =~ ^(active|activating|reloading)$ ]]; then
    difference "unit $unit" "at rest" "$enabled, $active"
    if [[ $VERB == apply ]]; then
      own resting "$unit" "$enabled $active"
      progress "  stop $unit"
      systemctl disable --quiet --now "$unit"
      changed "unit $unit at rest"
    fi
  fi
  if owned resting "$unit"; then own resting "$unit" "as before"; fi
}

undo_resting() { # NAME "ENABLED ACTIVE"
  # Where a unit of ours had its name, systemd still knows ours.
  systemctl daemon-reload
  systemctl cat "$1" >/dev/null 2>&1 || return 0
  if [[ $2 == enabled* ]]; then systemctl enable --quiet "$1"; fi
  if [[ $2 =~ \ (active|activating|reloading)$ ]]; then
    systemctl start "$1" || progress "  $1 does not start; on the host: journalctl -u $1"
  fi
}

# A drop-in of the unit's own changes what we wrote; those for all units are the distribution's.
check_drop_ins() { # UNIT
  local path
  while read -r path; do
    if [[ $path == */"$1".d/* ]] && ! owned file "$path"; then
      foreign "unit $1" "no drop-in" "$path" "systemctl revert $1, or move its lines into the stack file; then systemctl restart $1"
    fi
  done < <(unit_property "$1" DropInPaths | tr ' ' '\n')
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
  # Another engine takes its place; a removal waits for nobody.
  if [[ $1 == tms-ollama.service && $STEP != removal ]]; then pause_ollama; fi
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
