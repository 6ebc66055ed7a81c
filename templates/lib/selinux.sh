# shellcheck shell=bash
# SELinux, where it is enforced: what the policy has to allow, and labels. Its own files are read for questions: semanage
# takes half a second to answer.

selinux_enforced() { [[ $(getenforce 2>/dev/null) == Enforcing ]]; }

# concerns_selinux KIND ID: a host that is permissive for a while keeps what we told it.
concerns_selinux() { selinux_enforced || owned "$1" "$2"; }

selinux_packages() { if selinux_enforced; then echo policycoreutils-python-utils; fi; }

selinux_policy() { sed -n 's/^SELINUXTYPE=//p' /etc/selinux/config; }

# selinux_local FILE: what was added to the policy on this host: booleans.local, ports.local, file_contexts.local.
selinux_local() { cat "/var/lib/selinux/$(selinux_policy)/active/$1" 2>/dev/null || true; }

change_selinux() { # ARGUMENT… of semanage
  semanage "$@" 2>"$RUN_DIR/semanage.log" ||
    fail "semanage $*" "$(tail -n 5 "$RUN_DIR/semanage.log")" "on the host: semanage $*; it needs the package policycoreutils-python-utils"
}

# The value that outlives a reboot, or absent where only the policy tells.
kept_boolean() { selinux_local booleans.local | awk -F= -v name="$1" '$1 == name { value = $2 } END { print value == "" ? "absent" : value }'; }

# ensure_boolean NAME: on, now and after a reboot.
ensure_boolean() {
  local kept
  concerns_selinux selinux-boolean "$1" || return 0
  kept=$(kept_boolean "$1")
  if [[ $kept != 1 || $(getsebool "$1" 2>/dev/null) != *on ]]; then
    difference "SELinux boolean $1" "on, and kept" "$(getsebool "$1" 2>/dev/null), kept: $kept"
    if [[ $VERB == apply ]]; then
      own selinux-boolean "$1" "$kept"
      change_selinux boolean --modify --on "$1"
      changed "SELinux boolean $1"
    fi
  fi
  if owned selinux-boolean "$1"; then own selinux-boolean "$1" "as before"; fi
}

undo_boolean() { # NAME BEFORE
  command -v semanage >/dev/null || return 0
  case $2 in
    absent) if [[ $(kept_boolean "$1") != absent ]]; then change_selinux boolean --delete "$1"; fi ;;
    0) change_selinux boolean --modify --off "$1" ;;
  esac
}

kept_port_label() { # PORT
  selinux_local ports.local | awk -v port="$1" '$2 == "tcp" && $3 == port { split($4, part, ":"); type = part[3] } END { print type == "" ? "absent" : type }'
}

# The types of ports that the policy lets web servers listen on.
HTTP_PORT_TYPES='http_port_t|http_cache_port_t'

# http_port_by_policy PORT
http_port_by_policy() {
  # In every policy, so that the usual ports need no question.
  case $1 in 80 | 443) return 0 ;; esac
  semanage port --list 2>/dev/null | awk -v types="^($HTTP_PORT_TYPES)$" -v port="$1" '
    $1 ~ types && $2 == "tcp" {
      for (field = 3; field <= NF; field++) {
        if (split($field, ends, "-") == 1) ends[2] = ends[1]
        if (port + 0 >= ends[1] + 0 && port + 0 <= ends[2] + 0) found = 1
      }
    }
    END { exit !found }'
}

# ensure_http_port PORT: a web server may listen there.
ensure_http_port() {
  local kept how=--add
  concerns_selinux selinux-port "$1" || return 0
  kept=$(kept_port_label "$1")
  if [[ ! $kept =~ ^($HTTP_PORT_TYPES)$ ]] && { [[ $kept != absent ]] || ! http_port_by_policy "$1"; }; then
    difference "SELinux label of port $1" http_port_t "$kept"
    if [[ $VERB == apply ]]; then
      own selinux-port "$1" "$kept"
      if semanage port --list | awk -v port="$1" '$2 == "tcp" { $1 = $2 = ""; if ((" " $0 ",") ~ "[ ,]" port ",") found = 1 } END { exit !found }'; then
        how=--modify
      fi
      change_selinux port "$how" --type http_port_t --proto tcp "$1"
      changed "SELinux label of port $1"
    fi
  fi
  if owned selinux-port "$1"; then own selinux-port "$1" "as before"; fi
}

undo_http_port() { # PORT BEFORE
  command -v semanage >/dev/null || return 0
  if [[ $2 != absent ]]; then
    change_selinux port --modify --type "$2" --proto tcp "$1"
  elif [[ $(kept_port_label "$1") != absent ]]; then
    change_selinux port --delete --proto tcp "$1"
  fi
}

kept_label() { # PATTERN
  selinux_local file_contexts.local | awk -v pattern="$1" '$1 == pattern { split($NF, part, ":"); type = part[3] } END { print type == "" ? "absent" : type }'
}

# ensure_label PATTERN TYPE PATH…: the policy's regular expression, and what is there already. What is renamed into its place
# brings the label of where it was made.
ensure_label() {
  local pattern=$1 type=$2 kept stale
  shift 2
  concerns_selinux selinux-label "$pattern" || return 0
  kept=$(kept_label "$pattern")
  if [[ $kept != "$type" ]]; then
    difference "SELinux label of $pattern" "$type" "$kept"
    if [[ $VERB == apply ]]; then
      own selinux-label "$pattern" "$kept"
      if [[ $kept == absent ]]; then
        change_selinux fcontext --add --type "$type" "$pattern"
      else
        change_selinux fcontext --modify --type "$type" "$pattern"
      fi
      changed "SELinux label of $pattern"
    fi
  fi
  if owned selinux-label "$pattern"; then own selinux-label "$pattern" "as before"; fi
  stale=$(restorecon -R -n -v "$@" 2>/dev/null) || stale=
  if [[ -n $stale ]]; then
    difference "SELinux labels under $*" "as the policy says" "$(head -n 1 <<<"$stale")"
    if [[ $VERB == apply ]]; then
      restorecon -R -F "$@"
      changed "SELinux labels under $*"
    fi
  fi
}

undo_label() { # PATTERN BEFORE
  command -v semanage >/dev/null || return 0
  if [[ $2 != absent ]]; then
    change_selinux fcontext --modify --type "$2" "$1"
  elif [[ $(kept_label "$1") != absent ]]; then
    change_selinux fcontext --delete "$1"
  fi
}
