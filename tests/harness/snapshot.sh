#!/usr/bin/env bash
# What a host looks like, a fact a line: kind, name, value, and what moves by itself with a write or a start; separated
# by tabs. Reads only.
set -euo pipefail
export LC_ALL=C

roots=(/etc /opt /usr/local /usr/sbin /var/lib)

# Type, owner, mode, content or link target; the time of the last change.
{
  find "${roots[@]}" -type f -exec sha256sum {} + | awk -v OFS='\t' '{ print "hash", substr($0, 67), substr($0, 1, 64) }'
  find "${roots[@]}" -printf 'path\t%p\t%y %u:%g %m\t%l\t%T@\n'
} | awk -v OFS='\t' -F'\t' '$1 == "hash" { hash[$2] = $3; next } { print "path", $2, $3 " " ($2 in hash ? hash[$2] : $4), $5 }'

dpkg-query -W -f 'package\t${binary:Package}\t${Version} ${db:Status-Abbrev}\t\n'
[[ ! -x /usr/bin/rpm ]] || rpm -qa --qf 'package\trpm:%{NAME}\t%{VERSION}-%{RELEASE}\t\n'

getent passwd | awk -v OFS='\t' -F: '{ print "user", $1, $0, "" }'
# The day of the last password change is left out: a run may cross midnight.
awk -v OFS='\t' -F: '{ print "shadow", $1, $2 ":" $4 ":" $5, "" }' /etc/shadow
getent group | awk -v OFS='\t' -F: '{ print "group", $1, $0, "" }'

# A chain is one fact, so that the order of its rules counts. Without counters; and without built-in chains that say
# nothing, since a table comes into being when somebody looks at it.
for tool in iptables ip6tables; do
  "$tool-save" 2>/dev/null | awk -v OFS='\t' -v tool="$tool" '
    /^\*/ { table = substr($1, 2) }
    /^:/ { name = tool " " table " " substr($1, 2); rules[name] = "policy " $2; order[++count] = name }
    /^-A/ { name = tool " " table " " $2; sub(/^-A [^ ]+ /, ""); rules[name] = rules[name] "; " $0 }
    END { for (i = 1; i <= count; i++) if (rules[order[i]] != "policy ACCEPT") print "firewall", order[i], rules[order[i]], "" }'
done

ss -Hltnup | awk -v OFS='\t' '{
  programs = pids = ""
  text = $7
  while (match(text, /"[^"]+",pid=[0-9]+/)) {
    split(substr(text, RSTART + 1, RLENGTH - 1), part, /",pid=/)
    if (!index(programs, part[1])) programs = programs " " part[1]
    pids = pids " " part[2]
    text = substr(text, RSTART + RLENGTH)
  }
  print "socket", $1 " " $5, programs, pids
}'

systemctl list-unit-files --no-legend --no-pager | awk -v OFS='\t' '{ print "unit-file", $1, $2, "" }'
systemctl show --all --property=Id,ActiveState,SubState,MainPID,ExecMainStartTimestampMonotonic '*.service' '*.socket' '*.timer' '*.path' |
  awk -v OFS='\t' -v RS= -F'\n' '{
    split("", value)
    for (i = 1; i <= NF; i++) { at = index($i, "="); value[substr($i, 1, at - 1)] = substr($i, at + 1) }
    if (value["ActiveState"] == "inactive") next
    # A timer whose service runs at this moment.
    if (value["Id"] ~ /\.timer$/ && value["SubState"] == "running") value["SubState"] = "waiting"
    print "unit", value["Id"], value["ActiveState"] " " value["SubState"], value["MainPID"] " " value["ExecMainStartTimestampMonotonic"]
  }'

# What our own ledger says, whatever the order in which it came to say so.
[[ ! -e /var/lib/tms-llm/ledger ]] || awk -v OFS='\t' -F'\t' '{ print "ledger", $3 " " $4, $2 " " $5, "" }' /var/lib/tms-llm/ledger
