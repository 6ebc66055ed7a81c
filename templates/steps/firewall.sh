# shellcheck shell=bash disable=SC2154
# Default deny; SSH open before the firewall is switched on; the endpoint open to the allowlist.

step() {
  local network
  local -a networks=()
  while read -r network; do
    [[ -z $network ]] || networks+=("$network")
  done <<<"$in_allow"
  case $(firewall_manager "$in_manager") in
    ufw) step_with_ufw "${networks[@]}" ;;
    firewalld) step_with_firewalld "${networks[@]}" ;;
  esac
}

step_with_ufw() { # NETWORK…
  ensure_package ufw
  own_ufw_files
  ensure_ufw_rules "tcp $in_ssh_port any4" "tcp $in_ssh_port any6" "${@/#/tcp $in_gateway_port }"
  ensure_ufw_on
  check_foreign_openings "$in_engine_port" "$in_gateway_port"
}

# The policy opens SSH, so it lies there before firewalld starts.
step_with_firewalld() { # NETWORK…
  local network
  local -a rules=("$in_ssh_port any accept" "$in_gateway_port any drop" ${in_engine_port:+"$in_engine_port any drop"})
  for network in "$@"; do rules+=("$in_gateway_port $network accept"); done
  ensure_package firewalld nftables
  own_firewalld
  ensure_refusing_zone
  ensure_files --notify firewalld.service --validate-all 'firewall-offline-cmd --check-config'
  ensure_firewalld_on "${rules[@]}"
  check_foreign_firewalld_openings "$in_engine_port" "$in_gateway_port"
}
