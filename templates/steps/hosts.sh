# shellcheck shell=bash disable=SC2154
# Names that the host is told.

step() {
  local address name
  while read -r address name; do ensure_hosts_entry "$name" "$address"; done <<<"$in_entries"
}
