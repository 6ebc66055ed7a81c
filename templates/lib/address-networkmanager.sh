# shellcheck shell=bash disable=SC2154
# The part of address-switch.sh that speaks with NetworkManager; `path` is our profile. It is the profile that the interface had
# before, with other addresses, so MTU, zone and the rest stay; the former one is left as it is. A profile made with --temporary
# lies in /run. NetworkManager's checkpoints go back by themselves too, but not after a restart of its own.

TRIED=/run/NetworkManager/system-connections

profiles() { nmcli --escape no --get-values UUID,FILENAME connection show; }
file_of() { profiles | sed -n "s|^$1:||p"; } # UUID
uuid_of() { profiles | sed -n "s|:$1\$||p"; } # FILE

# active_profile INTERFACE: its UUID; nothing where NetworkManager leaves the interface to itself or to somebody else, which it
# calls "connected (externally)".
active_profile() {
  [[ $(nmcli --get-values GENERAL.STATE device show "$1" 2>/dev/null) == '100 (connected)' ]] || return 0
  nmcli --get-values GENERAL.CON-UUID device show "$1"
}

# why_not_former UUID: what keeps a profile from being given back later; nothing where it can be.
why_not_former() {
  local file name kind
  file=$(file_of "$1")
  if [[ -z $file ]]; then
    echo "NetworkManager has no profile $1"
    return
  fi
  { read -r name && read -r kind; } < <(nmcli --escape no --get-values connection.id,connection.type connection show uuid "$1")
  if [[ $file == /run/* ]]; then
    echo "its profile \"$name\" lies in /run, so a reboot would end it"
  elif [[ $kind != 802-3-ethernet ]]; then
    echo "its profile \"$name\" is of the type $kind, not Ethernet"
  fi
}

# Another profile of the interface does not add to ours.
others() { :; }

as_planned() { cmp -s "$HOME_DIR/wanted" "$HOME_DIR/kept/wanted" && cmp -s "$HOME_DIR/kept/${path##*/}" "$path"; }

# Where our file is gone: what NetworkManager has read of it.
says_ours() { [[ $(file_of "$(active_profile "$interface")") == "$path" ]]; }

keep_connection() { # BEFORE
  local reason
  active_profile "$interface" >"$1/profile"
  reason=$(why_not_former "$(<"$1/profile")")
  [[ -z $reason ]] || refuse "$interface could not be given its former address back: $reason"
}

prepare_trial() { # TRIAL
  local former reason
  former=$(<"$HOME_DIR/before/profile")
  reason=$(why_not_former "$former")
  [[ -z $reason ]] ||
    refuse "$interface cannot be given its former address back: $reason; put the UUID of a profile for it into $HOME_DIR/before/profile"
  active_profile "$interface" >"$1/back"
  [[ -s $1/back ]] || refuse "$interface is not connected by NetworkManager at this moment: nmcli device up $interface"
  echo "$former" >"$1/former"
  cp -- "$HOME_DIR/wanted" "$1/wanted"
}

tried_file() { compgen -G "$TRIED/tms-llm*.nmconnection"; }

activate() { nmcli --wait 40 connection up uuid "$1" ifname "$interface" >&2; }

apply_trial() { # GOAL
  local former tried setting settings=()
  former=$(<"$TRIAL/former")
  if [[ $1 == former ]]; then
    activate "$former"
    return
  fi
  while IFS= read -r setting; do settings+=("${setting%%=*}" "${setting#*=}"); done <"$TRIAL/wanted"
  nmcli connection clone --temporary uuid "$former" tms-llm >&2 &&
    tried=$(uuid_of "$(tried_file)") &&
    nmcli connection modify --temporary uuid "$tried" "${settings[@]}" >&2 &&
    activate "$tried"
}

withdraw_profile() {
  rm -f "$TRIED"/tms-llm*.nmconnection
  nmcli connection reload
}

revert_trial() {
  withdraw_profile
  activate "$(<"$TRIAL/back")"
}

# Whatever a run that ends halfway has written, `back` is what NetworkManager has from there on.
commit_trial() { # GOAL
  local tried
  if [[ $1 == former ]]; then
    cp -- "$TRIAL/former" "$TRIAL/back"
    rm -f "$path"
    nmcli connection reload
  else
    tried=$(tried_file)
    put_ours "$tried"
    uuid_of "$tried" >"$TRIAL/back"
    mkdir -p "$HOME_DIR/kept"
    cp -- "$TRIAL/wanted" "$path" "$HOME_DIR/kept/"
    nmcli connection reload
    withdraw_profile
  fi
}
