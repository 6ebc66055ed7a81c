# shellcheck shell=bash disable=SC2154
# The part of address-switch.sh that speaks with netplan. A file of the same name in /run goes before the one in /etc.

# Netplan's files, but ours, that list something beside the fixed address.
others() {
  local file
  for file in /etc/netplan/*.yaml; do
    if [[ $file != "$path" ]] && yielded "$file" >/dev/null; then echo "$file"; fi
  done
}

# yielded FILE: its text without the interface's addresses; not 0 where it has none.
yielded() {
  local code=0
  python3 "$(dirname "$0")/netplan-yield.py" "$interface" "$(paste -sd '' <<<"$families")" "$nameservers" "$1" || code=$?
  case $code in
    0 | 3) return "$code" ;;
    *) refuse "netplan's file $1 cannot be read; see the lines above" ;;
  esac
}

as_planned() { cmp -s "$HOME_DIR/wanted" "$path"; }

# Where our file is gone: another one without what it had listed.
says_ours() {
  local kept
  for kept in "$HOME_DIR"/before/yielded/*; do
    if cmp -s "$kept" "/etc/netplan/${kept##*/}"; then return 0; fi
  done
  return 1
}

# Its own files say what was before.
keep_connection() { mkdir -p "$1/"{originals,yielded}; } # BEFORE

prepare_trial() { # TRIAL
  local file name others files=$1/files
  if [[ $(goal) == fixed ]]; then
    cp -- "$HOME_DIR/wanted" "$files/${path##*/}"
    others=$(others)
    for file in $others; do
      name=${file##*/}
      cp -a -- "$file" "$HOME_DIR/before/originals/$name"
      yielded "$file" >"$files/$name"
      cp -- "$files/$name" "$HOME_DIR/before/yielded/$name"
    done
  else
    echo 'network: { version: 2 }' >"$files/${path##*/}"
    for file in "$HOME_DIR"/before/yielded/*; do
      name=${file##*/}
      # What somebody has changed since is theirs.
      if cmp -s "$file" "/etc/netplan/$name"; then cp -a -- "$HOME_DIR/before/originals/$name" "$files/$name"; fi
    done
  fi
}

apply_trial() {
  install -d -m 0755 /run/netplan && install -m 0600 -t /run/netplan "$TRIAL"/files/* && netplan apply >&2
}

withdraw_netplan() {
  local file
  for file in "$TRIAL"/files/*; do rm -f "/run/netplan/${file##*/}"; done
}

revert_trial() {
  withdraw_netplan
  netplan apply
}

# What comes first makes sure that a run which ends between two files leaves an address too many, not one too few.
commit_trial() { # GOAL
  local file
  if [[ $1 == fixed ]]; then put_ours "$TRIAL/files/${path##*/}"; fi
  for file in "$TRIAL"/files/*; do
    if [[ ${file##*/} != "${path##*/}" ]]; then replace "/etc/netplan/${file##*/}" "$file"; fi
  done
  if [[ $1 == former ]]; then rm -f "$path"; fi
  withdraw_netplan
}
