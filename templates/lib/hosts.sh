# shellcheck shell=bash
# Lines of /etc/hosts. Each of ours ends in a mark, so that it is told from others'.

HOSTS_MARK='# tms-llm'
# The whole new text; a killed write is ended from it. In a container the file is a mount, which nothing can be renamed onto.
HOSTS_NEXT=$STATE/pending/hosts

hosts_entry() { printf '%s\t%s %s' "$2" "$1" "$HOSTS_MARK"; } # NAME ADDRESS

finish_hosts() {
  [[ -s $HOSTS_NEXT ]] || return 0
  cat -- "$HOSTS_NEXT" >/etc/hosts
  rm -f -- "$HOSTS_NEXT"
}

# rewrite_hosts COMMAND…: /etc/hosts as COMMAND makes it of what is there.
rewrite_hosts() {
  finish_hosts
  mkdir -p "$STATE/pending"
  "$@" </etc/hosts >"$HOSTS_NEXT.next"
  mv -T -- "$HOSTS_NEXT.next" "$HOSTS_NEXT"
  finish_hosts
}

without_entry() { awk -v name="$1" -v mark="$HOSTS_MARK" '!($2 == name && substr($0, length($0) - length(mark) + 1) == mark)'; }

with_entry() { # NAME ADDRESS
  without_entry "$1"
  hosts_entry "$@"
  echo
}

# ensure_hosts_entry NAME ADDRESS: the name leads there. A line of somebody else's for the same name is refused: which of the
# two holds would depend on their order.
ensure_hosts_entry() {
  local name=$1 address=$2 other
  [[ $VERB == check ]] || finish_hosts
  other=$(without_entry "$name" </etc/hosts | awk -v name="$name" -v address="$address" '
    !/^[[:space:]]*#/ { sub(/#.*/, ""); for (field = 2; field <= NF; field++) if ($field == name && $1 != address) print $1 }')
  if [[ -n $other && $VERB == apply ]]; then
    fail "/etc/hosts" "$name is ${other//$'\n'/ and } there already, by a line that is not ours" \
      "take that line out on the host, or network.hosts.\"$name\" out of the stack file"
  fi
  own hosts-entry "$name" absent
  if ! grep -qxF -- "$(hosts_entry "$name" "$address")" /etc/hosts; then
    difference "/etc/hosts" "$name is $address" "$(awk -v name="$name" '$2 == name { print $1 }' /etc/hosts | grep . || echo 'no such line')"
    if [[ $VERB == apply ]]; then
      rewrite_hosts with_entry "$name" "$address"
      changed "/etc/hosts: $name"
    fi
  fi
}

undo_hosts_entry() {
  finish_hosts
  if [[ $(without_entry "$1" </etc/hosts) != "$(</etc/hosts)" ]]; then rewrite_hosts without_entry "$1"; fi
}
