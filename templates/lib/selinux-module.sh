# shellcheck shell=bash
# What SELinux's policy has to allow beyond booleans and labels: modules of our own, each a line of CIL.

# service_domain: where the policy has a service that it does not know by its program, as systemd starts it.
service_domain() { if [[ $(system_family) == rhel ]]; then echo unconfined_service_t; else echo initrc_t; fi; }

module_disabled() { [[ -e /var/lib/selinux/$(selinux_policy)/active/modules/disabled/$1 ]]; }

# kept_module NAME: its text as the policy's own store has it, or absent. The store packs it, and semodule of Enterprise Linux 8
# knows no checksums.
kept_module() {
  local folder=$RUN_DIR/selinux-modules
  mkdir -p "$folder"
  rm -f "$folder/$1.cil"
  if (cd "$folder" && semodule --cil --extract "$1" >/dev/null 2>&1); then cat "$folder/$1.cil"; else echo absent; fi
}

change_module() { # NAME OPTION… of semodule
  semodule "${@:2}" >"$RUN_DIR/semodule.log" 2>&1 ||
    fail "SELinux module $1" "$(tail -n 5 "$RUN_DIR/semodule.log")" "on the host: semodule ${*:2}; the host's policy may not be the distribution's targeted one"
}

put_module() { # NAME TEXT
  local file=$RUN_DIR/$1.cil
  printf '%s\n' "$2" >"$file"
  if module_disabled "$1"; then change_module "$1" --install "$file" --enable "$1"; else change_module "$1" --install "$file"; fi
}

# ensure_module NAME TEXT: in the policy, and switched on.
ensure_module() {
  local name=$1 text=$2 kept found
  concerns_selinux selinux-module "$name" || return 0
  kept=$(kept_module "$name")
  found=$kept
  if module_disabled "$name"; then found="switched off"; fi
  if [[ $found != "$text" ]]; then
    difference "SELinux module $name" "$text" "$found"
    if [[ $VERB == apply ]]; then
      own selinux-module "$name" "$kept"
      put_module "$name" "$text"
      changed "SELinux module $name"
    fi
  fi
  if owned selinux-module "$name"; then own selinux-module "$name" "as before"; fi
}

undo_module() { # NAME BEFORE
  command -v semodule >/dev/null || return 0
  if [[ $2 != absent ]]; then
    put_module "$1" "$2"
  elif [[ $(kept_module "$1") != absent ]]; then
    change_module "$1" --remove "$1"
  fi
}
