# shellcheck shell=bash disable=SC2154
# The host's fixed address. A phase lays it out, with the script that sets it, and goes no further: it came by a line that may
# not outlive the change, and cannot know whether anybody reaches the host afterwards. Who asks from outside can.

ADDRESS=$STATE/address

ensure_fixed_address() {
  local manager path
  if [[ $VERB == check ]]; then
    if [[ ! -e $ADDRESS/settings ]]; then
      difference "fixed address" "laid out as planned" absent
      return
    fi
    # An interface that is down at this moment is nobody's.
    # shellcheck source=/dev/null
    manager=$(source "$ADDRESS/settings" && echo "$manager")
  else
    manager=$(manager_of "$in_interface")
  fi
  case $manager in
    netplan) path=$in_netplan ;;
    NetworkManager) path=$in_keyfile ;;
  esac
  if [[ $VERB == apply ]]; then judge_network "$manager" "${path-}"; fi
  own address host "$in_interface"
  lay_out_address "$manager" "$path"
  if [[ $VERB == check && -e $ADDRESS/switch.sh ]]; then
    while IFS=$'\t' read -r what expected found; do
      difference "$what" "$expected" "$found"
    done < <(bash "$ADDRESS/switch.sh" differences)
  fi
}

# manager_of INTERFACE: what gives it its addresses, of those that we know how to tell something. What netplan has NetworkManager
# do is still netplan's.
manager_of() {
  local profile
  profile=$(by_networkmanager active_profile "$1")
  if networkctl --no-pager status "$1" 2>/dev/null | grep -qE 'Network File: /run/systemd/network/10-netplan-' ||
    [[ $(by_networkmanager file_of "${profile:-none}") == */netplan-* ]]; then
    echo netplan
  elif [[ -n $profile ]]; then
    echo NetworkManager
  else
    echo none
  fi
}

# by_networkmanager QUESTION …: asks with the words of the script that sets the address.
by_networkmanager() (
  command -v nmcli >/dev/null || exit 0
  # shellcheck source=/dev/null
  source "$LIB/address-networkmanager.sh"
  "$@"
)

# judge_network MANAGER PATH: what could not be taken back is not begun.
judge_network() {
  local links reason profile
  if [[ ! -e /sys/class/net/$in_interface ]]; then
    links=$(cd /sys/class/net && printf '%s\n' * | grep -vx lo | paste -sd' ')
    fail "there is no interface $in_interface" "the host has $links" "correct network.address.interface in the stack file"
  fi
  [[ $1 != none ]] ||
    fail "$in_interface cannot get a fixed address" \
      "neither netplan nor NetworkManager configures it at present, so nothing could give the present address back" \
      "put $in_interface as it is under one of them first, or set the address by hand and take network.address out of the stack file"
  if [[ $1 == NetworkManager ]]; then
    profile=$(by_networkmanager active_profile "$in_interface")
    reason=$(by_networkmanager why_not_former "$profile")
    [[ -z $reason ]] ||
      fail "$in_interface cannot get a fixed address" "$reason, and nothing could give the present address back" \
        "give $in_interface an Ethernet profile that lasts, for example by: nmcli connection modify uuid $profile connection.autoconnect yes (and take ip= off the kernel's command line, where that makes one at each boot); or take network.address out of the stack file"
  fi
  if [[ -e $2 && ! -e $ADDRESS/before ]] && ! cmp -s "$STEP_DIR/files/$(file_row "$2" | cut -f4)" "$2"; then
    fail "$2 is there already" "no deployment that is known here has made it" "give it another name on the host, or move what it says into the stack file"
  fi
  [[ -e $ADDRESS/settings ]] || return 0
  # shellcheck source=/dev/null
  if [[ $(source "$ADDRESS/settings" && echo "$interface") != "$in_interface" ]] && bash "$ADDRESS/switch.sh" taken; then
    fail "the fixed address cannot move to $in_interface in one go" "another interface has it" \
      "take network.address out of the stack file and run up, which gives the former address back; then put it in for $in_interface"
  fi
}

# lay_out_address MANAGER PATH: all that the script needs, in a folder that outlives even our removal until the former
# address is given back.
lay_out_address() {
  local next=$RUN_DIR/address parts=(wanted settings "$1.sh") source name
  mkdir -p "$next"
  case $1 in
    netplan)
      IFS=$'\t' read -r _ _ _ source < <(file_row "$2")
      cp -- "$STEP_DIR/files/$source" "$next/wanted"
      cp -- "$LIB/netplan-yield.py" "$next/"
      parts+=(netplan-yield.py)
      ;;
    NetworkManager) printf '%s\n' "$in_profile" >"$next/wanted" ;;
  esac
  cp -- "$LIB/address-switch.sh" "$next/switch.sh"
  cp -- "$LIB/address-${1,,}.sh" "$next/$1.sh"
  printf '%s=%q\n' manager "$1" path "$2" interface "$in_interface" addresses "$in_addresses" families "$in_families" \
    nameservers "$in_nameservers" >"$next/settings"
  if [[ $VERB == apply ]]; then
    [[ $1 != netplan ]] || validate_netplan "$next/wanted" "$2"
    install -d -m 0700 "$ADDRESS"
    rm -f "$ADDRESS/give-back"
  fi
  for name in "${parts[@]}" switch.sh; do
    if cmp -s "$next/$name" "$ADDRESS/$name"; then continue; fi
    difference "fixed address" "laid out as planned" "$name is another one, or missing"
    if [[ $VERB == apply ]]; then
      install -m 0600 "$next/$name" "$ADDRESS/$name.next"
      mv -T "$ADDRESS/$name.next" "$ADDRESS/$name"
      changed "fixed address: $name laid out"
    fi
  done
}

# validate_netplan FILE PATH: with the host's other files, in a folder of its own.
validate_netplan() {
  local root=$RUN_DIR/netplan output
  mkdir -p "$root/etc/netplan" "$root/run"
  cp -a /etc/netplan/. "$root/etc/netplan/"
  install -m 0600 "$1" "$root$2"
  output=$(netplan generate --root-dir "$root" 2>&1) ||
    fail "netplan does not accept the fixed address" "$output" "correct network.address in the stack file, or the host's own files in /etc/netplan"
}

# A change of the address has to be confirmed, so here it is only asked for; what was never set is simply forgotten.
undo_address() {
  if [[ -e $ADDRESS/switch.sh ]] && bash "$ADDRESS/switch.sh" taken; then
    touch "$ADDRESS/give-back"
    progress "  the former address comes back as soon as the machine that deploys asks for it"
  else
    rm -rf "$ADDRESS"
  fi
}
