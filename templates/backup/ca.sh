#!/usr/bin/env bash
# Key and certificate of the CA that was made here, one after the other; nothing where there is none. Reads only.
set -euo pipefail

tls=/etc/tms-llm/tls
[[ -s $tls/ca.key && -s $tls/ca.pem ]] || exit 0
cat "$tls/ca.key" "$tls/ca.pem"
