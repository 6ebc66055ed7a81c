# shellcheck shell=bash disable=SC2154
# Default deny; SSH open before the firewall is switched on; the endpoint open to the allowlist.

step() {
  local network
  ensure_package ufw
  own_ufw_files
  ensure_ufw_rule tcp "$in_ssh_port" any4
  ensure_ufw_rule tcp "$in_ssh_port" any6
  while read -r network; do
    [[ -z $network ]] || ensure_ufw_rule tcp "$in_gateway_port" "$network"
  done <<<"$in_allow"
  ensure_ufw_on
}
