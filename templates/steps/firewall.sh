# shellcheck shell=bash disable=SC2154
# Default deny; SSH open before the firewall is switched on; the endpoint open to the allowlist.

step() {
  local network
  local -a rules
  ensure_package ufw
  own_ufw_files
  rules=("tcp $in_ssh_port any4" "tcp $in_ssh_port any6")
  while read -r network; do
    [[ -z $network ]] || rules+=("tcp $in_gateway_port $network")
  done <<<"$in_allow"
  ensure_ufw_rules "${rules[@]}"
  ensure_ufw_on
  check_foreign_openings "$in_engine_port" "$in_gateway_port"
}
