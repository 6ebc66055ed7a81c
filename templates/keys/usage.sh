#!/usr/bin/env bash
# Which keys nginx knows, and when each was last let in: JSON lines. Reads only, and no key is read out.
set -euo pipefail
shopt -s nullglob

keys=/etc/nginx/tms-llm/keys.conf
[[ -e $keys ]] || exit 0
sed -nE 's|^.*\$" ([a-z0-9-]+/[ab]/[0-9]+);$|{"live":"\1"}|p' "$keys"

# Oldest first. The format of a line is nginx/tms-llm.conf's; a client can't put a bare quote into it.
mapfile -t logs < <(find /var/log/nginx -maxdepth 1 -name 'tms-llm.access.log*' -printf '%T@ %p\n' | sort -n | cut -d' ' -f2-)
((${#logs[@]})) || exit 0
zcat -f -- "${logs[@]}" | awk -F'"' '
  $10 != "key" { next }
  since == "" { since = $4; printf "{\"since\":\"%s\"}\n", since }
  $8 != "" { last[$12] = $4 }
  END { for (key in last) printf "{\"key\":\"%s\",\"lastUse\":\"%s\"}\n", key, last[key] }'
