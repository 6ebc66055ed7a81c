# shellcheck shell=bash
# ufw. Its own rule files are read for questions (ufw itself takes 0.2 s to answer), its command is used for changes.

ufw_active() { grep -qx 'ENABLED=yes' /etc/ufw/ufw.conf 2>/dev/null; }

# ufw writes its rule files in words of its own at the first change; where it had no rules, the package's text comes back.
own_ufw_files() {
  local file before
  for file in /etc/ufw/user.rules /etc/ufw/user6.rules; do
    before=absent
    if [[ $VERB == apply ]] && ! owned ufw-file "$file"; then before=$(keep_before "$file"); fi
    own ufw-file "$file" "$before"
  done
}

undo_ufw_file() { # PATH BEFORE
  local kept=$BEFORE_DIR/${2#kept:}
  [[ $2 == kept:* && -e $kept && -e $1 ]] || return 0
  if ufw_active || grep -q '^### tuple' "$1" "$kept"; then rm -f -- "$kept"; else restore_before "$1" "$2"; fi
}

# A rule is named by its tuple: "PROTOCOL PORT SOURCE", SOURCE "any4", "any6" or a network; both families are explicit.

# ufw_action PROTOCOL PORT SOURCE: how the host lets in there, as ufw's files have it: allow, limit, allow_log, …; or nothing.
ufw_action() {
  local protocol=$1 port=$2 source=$3 file=/etc/ufw/user.rules
  case $source in any4) source=0.0.0.0/0 ;; any6) source=::/0 ;; esac
  [[ $source != *:* ]] || file=/etc/ufw/user6.rules
  source=${source%/32}
  source=${source%/128}
  sed -nE "s,^### tuple ### ((allow|limit)(_log(-all)?)?) $protocol $port (0\.0\.0\.0/0|::/0) any ${source//./\\.}(/32|/128)? in.*,\1,p" "$file" 2>/dev/null || true
}

ufw_command() { # VERB PROTOCOL PORT SOURCE
  local verb=$1 protocol=$2 port=$3 source=$4 any=0.0.0.0/0
  case $source in any4) source=0.0.0.0/0 ;; any6) source=::/0 ;; esac
  [[ $source != *:* ]] || any=::/0
  echo "$verb proto $protocol from $source to $any port $port"
}

# ufw writes its files first and then the kernel's tables; a run that is killed between the two leaves this mark.
UFW_MARK=$STATE/pending/ufw

ufw_change() { ufw_changes ufw "$@"; }

ufw_changes() { # COMMAND…
  finish_ufw_change
  notify ufw
  "$@" >"$RUN_DIR/ufw.log" 2>&1 || return
  rm -f "$UFW_MARK"
}

# finish_ufw_change: the tables as the files say, where a killed run left it open.
finish_ufw_change() {
  local tool chain
  [[ -e $UFW_MARK ]] || return 0
  # ufw tries out what the kernel can do in chains of these names.
  for tool in iptables ip6tables; do
    while read -r chain; do
      "$tool" -F "$chain"
      "$tool" -X "$chain"
    done < <("$tool" -S | awk '$1 == "-N" && $2 ~ /^ufw6?-caps-test/ { print $2 }')
  done
  if ufw_active; then
    ufw reload >"$RUN_DIR/ufw.log"
  else
    # A reload switches off and on. Where it was killed in between, the chains that stand would pass for a started firewall.
    drop_ufw_chains iptables
    drop_ufw_chains ip6tables
  fi
  rm -f "$UFW_MARK"
}

# ensure_ufw_rules RULE…: each "PROTOCOL PORT SOURCE".
ensure_ufw_rules() {
  local rule
  local -a missing=()
  for rule in "$@"; do
    # shellcheck disable=SC2086  # the rule's three words
    if [[ $(ufw_action $rule) != allow* ]]; then
      missing+=("$rule")
      difference "firewall" "allow $rule" "no such rule"
    fi
  done
  if [[ $VERB == apply ]] && ((${#missing[@]})); then allow_in_ufw "${missing[@]}"; fi
  for rule in "$@"; do
    if owned ufw-rule "$rule"; then own ufw-rule "$rule" absent; fi
  done
}

# ufw puts a rule into the place of one that limits, whose six logins in half a minute a deployment would use up.
allow_in_ufw() { # RULE…
  local rule former
  for rule in "$@"; do
    # shellcheck disable=SC2086  # the rule's three words
    former=$(ufw_action $rule)
    own ufw-rule "$rule" "${former:-absent}"
  done
  # shellcheck disable=SC2086  # the rule's three words
  for rule in "$@"; do ufw_command allow $rule; done >"$RUN_DIR/ufw-commands"
  ufw_changes python3 "$LIB/ufw-rules.py" <"$RUN_DIR/ufw-commands" || fail "firewall rules" "$(<"$RUN_DIR/ufw.log")" "check ufw on the host"
  for rule in "$@"; do changed "firewall allows $rule"; done
}

undo_ufw_rule() { # RULE BEFORE
  local verb='delete allow'
  command -v ufw >/dev/null || return 0
  finish_ufw_change
  [[ $2 == absent ]] || verb=${2/_/ }
  # shellcheck disable=SC2046,SC2086  # words
  if [[ $(ufw_action $1) == allow ]]; then ufw_change $(ufw_command "$verb" $1); fi
}

ufw_default_incoming() { sed -n 's/^DEFAULT_INPUT_POLICY="\(.*\)"/\1/p' /etc/default/ufw; }

# ensure_ufw_on: default deny and enabled. Call it after the rule that keeps SSH open.
ensure_ufw_on() {
  local policy state=inactive
  if [[ ! -e /etc/default/ufw ]]; then
    difference "firewall" "ufw installed" "absent"
    return 0
  fi
  [[ $VERB == check ]] || finish_ufw_change
  policy=$(ufw_default_incoming)
  # What is noted the first time comes back in the end, whatever it was changed to meanwhile.
  own ufw-default incoming "$policy"
  if [[ $policy != DROP ]]; then
    difference "firewall default" DROP "$policy"
    if [[ $VERB == apply ]]; then
      ufw_change default deny incoming
      changed "firewall denies by default"
    fi
  fi
  ! ufw_active || state=active
  own ufw-state enabled "$state"
  if [[ $state == inactive ]]; then
    difference "firewall" enabled disabled
    if [[ $VERB == apply ]]; then
      ufw_change --force enable || fail "ufw does not start" "$(<"$RUN_DIR/ufw.log")" "check that the kernel offers netfilter, or set access.firewall to off"
      changed "firewall enabled"
    fi
  elif ! ufw_loaded; then
    difference "firewall" "rules loaded" "not loaded"
    if [[ $VERB == apply ]]; then reload_ufw; fi
  fi
}

ufw_loaded() {
  ufw_rules_loaded iptables ufw-user-input /etc/ufw/user.rules && ufw_rules_loaded ip6tables ufw6-user-input /etc/ufw/user6.rules
}

# Chains that stand, but that nothing leads into, ufw takes for a started firewall: without them it starts anew.
reload_ufw() {
  ufw_change reload
  if ! ufw_loaded; then
    drop_ufw_chains iptables
    drop_ufw_chains ip6tables
    ufw_change reload
    ufw_loaded || fail "the firewall's rules" "ufw reload does not load them" "on the host: ufw reload; iptables -S; another firewall tool may be at work"
  fi
  changed "firewall reloaded"
}

# ufw_rules_loaded TOOL CHAIN FILE: the kernel refuses by default, asks ufw's chains, and they hold the rules of ufw's file.
ufw_rules_loaded() {
  local tool=$1 chain=$2 file=$3 before=${2%user-input}before-input
  "$tool" -S INPUT 2>/dev/null | grep -qxe '-P INPUT DROP' &&
    "$tool" -C INPUT -j "$before" 2>/dev/null && "$tool" -C "$before" -j "$chain" 2>/dev/null &&
    [[ $("$tool" -S "$chain" 2>/dev/null | ufw_rule_lines "$chain") == "$(ufw_rule_lines "$chain" <"$file")" ]]
}

# ufw_rule_lines CHAIN: "PROTOCOL PORT SOURCE TARGET" of each rule on standard input, in whichever words it is written.
ufw_rule_lines() {
  awk -v chain="$1" '
    $1 == "-A" && $2 == chain {
      delete option
      for (field = 3; field < NF; field++) if ($field ~ /^-/) option[$field] = $(field + 1)
      sub(/\/(32|128)$/, "", option["-s"])
      if (option["-s"] ~ /^(0\.0\.0\.0|::)\/0$/) option["-s"] = ""
      print option["-p"], option["--dport"] option["--dports"], option["-s"], option["-j"]
    }'
}

# check_foreign_openings ENGINE-PORT GATEWAY-PORT: rules that somebody else added. What was there before us is theirs, and was
# judged before the first deployment; an engine port is never to be open. Empty for an engine without one.
check_foreign_openings() {
  local engine=$1 gateway=$2 file before protocol port source
  [[ $VERB == check ]] || return 0
  for file in /etc/ufw/user.rules /etc/ufw/user6.rules; do
    before=$(ledger_field ufw-file "$file" 5)
    before=$BEFORE_DIR/${before#kept:}
    [[ -f $before ]] || before=/dev/null
    while read -r protocol port source; do
      case ,$port, in
        *",$engine,"* | ,any,) ;;
        *",$gateway,"*) if grep -qF "### tuple ### allow $protocol $port" "$before"; then continue; fi ;;
        *) continue ;;
      esac
      if ! owned ufw-rule "$(ufw_rule_name "$protocol" "$port" "$source")"; then
        foreign "firewall" "${engine:+port $engine closed, }port $gateway open to the allowlist alone" "allow $protocol $port from $source" \
          "ufw status numbered; ufw delete NUMBER"
      fi
    done < <(awk '/^### tuple ### allow / { print $5, $6, $9 }' "$file" 2>/dev/null)
  done
  [[ -n $engine ]] || return 0
  check_foreign_chain_openings iptables "$engine"
  check_foreign_chain_openings ip6tables "$engine"
}

ufw_rule_name() { # PROTOCOL PORT SOURCE, as ufw writes them
  case $3 in 0.0.0.0/0) set -- "$1" "$2" any4 ;; ::/0) set -- "$1" "$2" any6 ;; esac
  echo "$*"
}

# Rules in front of ufw's chains, which ufw knows nothing of.
check_foreign_chain_openings() { # TOOL ENGINE-PORT
  local rule
  while read -r rule; do
    foreign "firewall" "port $2 closed" "$rule" "$1 ${rule/#-A/-D}"
  done < <("$1" -S INPUT 2>/dev/null | grep -E -- "^-A INPUT .*-j ACCEPT" | grep -E -- "--dports? ([0-9,:]*,)?$2(,|[[:space:]])|^-A INPUT -j ACCEPT\$")
}

undo_ufw_state() {
  if ! command -v ufw >/dev/null || [[ $1 != inactive ]]; then return 0; fi
  ufw_change disable
  drop_ufw_chains iptables
  drop_ufw_chains ip6tables
}

# ufw leaves its chains behind, empty and hooked in. Where somebody else's rule leads into one, all of them stay.
drop_ufw_chains() { # TOOL
  "$1-save" -t filter 2>/dev/null | awk '
    /^:ufw/ { name = substr($1, 2); flushes = flushes "-F " name "\n"; deletions = deletions "-X " name "\n" }
    /^-A [A-Z]+ -j ufw/ { sub("-A", "-D"); unhooks = unhooks $0 "\n" }
    END { if (flushes) printf "*filter\n%s%s%sCOMMIT\n", unhooks, flushes, deletions }' >"$RUN_DIR/ufw-chains"
  if ! "$1-restore" --noflush <"$RUN_DIR/ufw-chains" 2>"$RUN_DIR/ufw.log"; then
    progress "  the empty ufw chains of $1 stay: $(<"$RUN_DIR/ufw.log")"
  fi
}

undo_ufw_default() {
  command -v ufw >/dev/null || return 0
  case $1 in ACCEPT) ufw_change default allow incoming ;; REJECT) ufw_change default reject incoming ;; esac
}
