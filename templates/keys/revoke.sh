#!/usr/bin/env bash
# Has nginx refuse keys at once: PORT NAME…, each <client>/<slot>/<generation>. lib/drain.sh stands before this text.
set -euo pipefail

keys=/etc/nginx/tms-llm/keys.conf
candidate=/etc/nginx/tms-llm/.tms-llm.keys.conf
port=$1
shift
[[ -e $keys ]] || exit 0

install -m 0600 -T "$keys" "$candidate"
for name in "$@"; do sed -i "\\|\" $name;\$|d" "$candidate"; done
if cmp -s "$keys" "$candidate"; then
  rm -f "$candidate"
  exit 0
fi
mv -T "$candidate" "$keys"
systemctl is-active --quiet nginx.service || exit 0

trap drained EXIT
drain "$port"
mapfile -t former < <(serving_workers)
systemctl reload nginx.service
for pid in "${former[@]}"; do
  wait_until_retired "$pid" || {
    echo "nginx goes on with its former configuration: $(tail -n 3 /var/log/nginx/error.log)" >&2
    exit 1
  }
done
