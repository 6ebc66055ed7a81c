# shellcheck shell=bash
# firewalld. Our part is one file of the plan, a policy that is judged before every zone; the zones stay the host's. The
# kernel's rules and firewalld's files are read for questions: firewalld itself takes half a second to answer.

FIREWALLD_CONFIG=/etc/firewalld/firewalld.conf
FIREWALLD_CHAIN=filter_IN_policy_tms-llm

firewalld_active() { systemctl is-active --quiet firewalld.service; }

# On the ledger before our file, so that a removal takes the file back first and firewalld forgets it after that.
own_firewalld() {
  local enabled active
  enabled=$(systemctl is-enabled firewalld.service 2>/dev/null) || enabled=${enabled:-absent}
  active=$(systemctl is-active firewalld.service 2>/dev/null) || active=${active:-unknown}
  own firewalld service "$enabled $active"
}

undo_firewalld() { # "ENABLED ACTIVE"
  rm -f "$STATE/pending/firewalld.service"
  systemctl cat firewalld.service >/dev/null 2>&1 || return 0
  if [[ $1 != enabled* ]]; then systemctl disable --quiet firewalld.service; fi
  if [[ $1 != *" active" ]]; then
    stop_firewalld
  elif firewalld_active; then
    reload_firewalld
  else
    systemctl start firewalld.service
  fi
}

# One that is stopped before it has loaded its rules, or that died, leaves in the kernel what it had loaded.
stop_firewalld() {
  local family
  systemctl stop firewalld.service
  if systemctl is-failed --quiet firewalld.service; then systemctl reset-failed firewalld.service; fi
  command -v nft >/dev/null || return 0
  for family in inet ip ip6; do
    if nft list table "$family" firewalld >/dev/null 2>&1; then nft delete table "$family" firewalld; fi
  done
}

# Where somebody took its table away, firewalld cannot even take it away itself, and has to start anew.
reload_firewalld() { firewall-cmd --quiet --reload || systemctl restart firewalld.service || unit_failed firewalld.service; }

default_zone() { sed -n 's/^DefaultZone=//p' "$FIREWALLD_CONFIG"; }

# An interface that nobody put elsewhere is in the default zone; "trusted" lets all of it in.
accepts_everything() { # ZONE
  local file=/etc/firewalld/zones/$1.xml
  [[ -e $file ]] || file=/usr/lib/firewalld/zones/$1.xml
  grep -qE '<zone[^>]* target="ACCEPT"' "$file" 2>/dev/null
}

set_default_zone() { # ZONE
  local deadline=$((SECONDS + 30))
  if ! firewalld_active; then
    firewall-offline-cmd --quiet --set-default-zone "$1"
    return
  fi
  # systemd takes it for started before it answers.
  until firewall-cmd --quiet --set-default-zone "$1" 2>/dev/null; do
    ((SECONDS < deadline)) || unit_failed firewalld.service
    sleep 0.2
  done
}

ensure_refusing_zone() {
  local found zone=public
  [[ -e $FIREWALLD_CONFIG ]] || return 0
  found=$(default_zone)
  if accepts_everything "$found"; then
    difference "firewall default" "a zone that refuses" "zone $found, which accepts everything"
    if [[ $VERB == apply ]]; then
      if accepts_everything public; then zone=block; fi
      own_file "$FIREWALLD_CONFIG.old"
      own firewalld-zone default "$(keep_before "$FIREWALLD_CONFIG")"
      set_default_zone "$zone"
      changed "firewall's default zone is $zone"
    fi
  fi
  if owned firewalld-zone default; then
    own firewalld-zone default "as before"
    own_file "$FIREWALLD_CONFIG.old"
  fi
}

undo_firewalld_zone() { # kept:NAME
  local kept=$BEFORE_DIR/${1#kept:}
  [[ -e $kept && -e $FIREWALLD_CONFIG ]] || return 0
  set_default_zone "$(sed -n 's/^DefaultZone=//p' "$kept")"
  # firewalld writes the file with another mode; what somebody has changed since stays.
  if cmp -s "$kept" "$FIREWALLD_CONFIG"; then restore_before "$FIREWALLD_CONFIG" "$1"; else rm -f -- "$kept"; fi
}

# ensure_firewalld_on RULE…: enabled, running, and the kernel holds these rules and no other in our policy; each
# "PORT SOURCE VERDICT".
ensure_firewalld_on() {
  local found
  if [[ ! -e $FIREWALLD_CONFIG ]]; then
    difference "firewall" "firewalld installed" "absent"
    return 0
  fi
  if grep -qx 'FirewallBackend=iptables' "$FIREWALLD_CONFIG"; then
    foreign "firewall" "firewalld with nftables" "FirewallBackend=iptables" "set it to nftables in $FIREWALLD_CONFIG; systemctl restart firewalld"
    [[ $VERB == check ]] || fail "firewalld uses iptables" "FirewallBackend=iptables in $FIREWALLD_CONFIG" \
      "set it to nftables there and restart firewalld, or set access.firewall to off"
  fi
  if ! systemctl is-enabled --quiet firewalld.service; then
    difference "firewall" enabled disabled
    if [[ $VERB == apply ]]; then
      systemctl enable --quiet firewalld.service
      changed "firewall enabled"
    fi
  fi
  if ! firewalld_active; then
    difference "firewall" running stopped
    if [[ $VERB == apply ]]; then
      systemctl start firewalld.service || unit_failed firewalld.service
      changed "firewall started"
    fi
  elif [[ -e $STATE/pending/firewalld.service ]] || ! firewalld_loaded "$@"; then
    difference "firewall" "rules loaded" "not loaded"
    if [[ $VERB == apply ]]; then
      reload_firewalld
      changed "firewall reloaded"
    fi
  fi
  [[ $VERB == apply ]] || return 0
  wait_for_firewalld "$@" || fail "the firewall's rules" "firewalld does not load them; the kernel holds: $(firewalld_rules | paste -sd';')" \
    "on the host: firewall-cmd --complete-reload; journalctl -u firewalld; another firewall tool may be at work"
  rm -f "$STATE/pending/firewalld.service"
}

# systemd takes firewalld for started before it has loaded its rules.
wait_for_firewalld() { # RULE…
  local deadline=$((SECONDS + 30))
  until firewalld_loaded "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

firewalld_table() { nft --stateless list table inet firewalld 2>/dev/null; }

# firewalld_rules: what our policy's chains hold, as "PORT SOURCE VERDICT", sorted.
firewalld_rules() {
  firewalld_table | awk -v ours="$FIREWALLD_CHAIN" '
    $1 == "chain" { inside = index($2, ours) == 1; next }
    inside && $0 ~ /(accept|drop|reject)$/ {
      port = "every"; source = "any"
      for (field = 1; field < NF; field++) {
        if ($field == "dport") port = $(field + 1)
        if ($field == "saddr") source = $(field + 1)
      }
      print port, source, $NF
    }' | sort
}

# firewalld_loaded RULE…: the kernel asks our policy for whatever comes in, finds these rules there, and refuses the rest.
firewalld_loaded() {
  local expected
  expected=$(printf '%s\n' "$@" | sed -E 's#/(32|128) # #' | sort)
  [[ $(firewalld_rules) == "${expected,,}" ]] || return 1
  firewalld_table | awk -v zone="$(default_zone)" -v ours="$FIREWALLD_CHAIN" '
    $1 == "chain" { chain = $2 }
    chain == "filter_INPUT" && $1 == "type" && $4 == "input" { hooked = 1 }
    chain == "filter_INPUT" && $0 ~ /jump filter_INPUT_ZONES$/ { asked = 1 }
    chain == "filter_INPUT" && $1 ~ /^(reject|drop)$/ { refuses = 1 }
    chain == "filter_INPUT_ZONES" && $NF == "filter_IN_" zone { zoned = 1 }
    chain == "filter_IN_" zone && $0 ~ /jump filter_INPUT_POLICIES_pre$/ { judged = 1 }
    chain == "filter_INPUT_POLICIES_pre" && $NF == ours { first = 1 }
    END { exit !(hooked && asked && refuses && zoned && judged && first) }'
}

# check_foreign_firewalld_openings ENGINE-PORT GATEWAY-PORT: rules that somebody else added. The engine's port is to be open
# nowhere, although our policy comes first (empty for an engine without one); the endpoint's only in front of our policy, where that has no say.
check_foreign_firewalld_openings() {
  local rule
  [[ $VERB == check ]] || return 0
  while read -r rule; do
    foreign "firewall" "${1:+port $1 closed, }port $2 open to the allowlist alone" "$rule" \
      "firewall-cmd --list-all-zones; firewall-cmd --permanent --zone ZONE --remove-port PORT/tcp; firewall-cmd --reload"
  done < <(firewalld_table | awk -v ours="$FIREWALLD_CHAIN" -v engine="$1" -v gateway="$2" '
    function opens(port,   count, part, ends, i) {
      count = split(ports, part, /[{}, ]+/)
      for (i = 1; i <= count; i++) {
        if (part[i] == "") continue
        if (split(part[i], ends, "-") == 1) ends[2] = ends[1]
        if (port >= ends[1] + 0 && port <= ends[2] + 0) return 1
      }
      return 0
    }
    $1 == "chain" { chain = $2; next }
    chain !~ /^filter_(IN|INPUT)_?/ || index(chain, ours) == 1 || $NF != "accept" { next }
    match($0, /tcp dport ([{][^}]*[}]|[^ ]+)/) {
      ports = substr($0, RSTART + 10, RLENGTH - 10)
      in_front = chain ~ /^filter_INPUT(_ZONES|_POLICIES_pre)?$/
      if ((engine != "" && opens(engine + 0)) || (in_front && opens(gateway + 0))) { sub(/^[ \t]+/, ""); print chain ": " $0 }
    }')
}
