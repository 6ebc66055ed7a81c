# shellcheck shell=bash
# Words in which one thing on a deployed host is spoiled, and mended again. Read by bash on the host.

conf=/etc/nginx/conf.d/tms-llm.conf
keys=/etc/nginx/tms-llm/keys.conf
certificate=/etc/tms-llm/tls/server.pem
certificate_key=/etc/tms-llm/tls/server.key
engine_env=/etc/tms-llm/ollama.env
digest=/var/lib/tms-llm/digest
manifest=$(echo /opt/llm/models/manifests/*/library/tiny/latest)
good=/var/lib/good

set -euo pipefail

# Keeps what may be spoiled, as it is now.
keep() {
  mkdir "$good"
  cp -a --parents "$conf" "$keys" "$certificate" "$certificate_key" "$engine_env" "$digest" "$manifest" /etc/ufw "$good"
}

# edit FILE SED…: a sabotage that changes nothing would prove nothing.
edit() {
  local file=$1
  shift
  sed -i -E "$@" "$file"
  if cmp -s "$file" "$good$file"; then
    echo "nothing in $file was changed by: $*" >&2
    return 1
  fi
}

restart_gateway() {
  nginx -t -q
  # systemd would take so many restarts for a service that can't start.
  systemctl reset-failed nginx
  systemctl restart nginx
}

restart_engine() {
  systemctl reset-failed tms-ollama
  systemctl restart tms-ollama
  until curl --silent --output /dev/null http://127.0.0.1:11434/api/version; do sleep 0.1; done
}

# engine_drop_in TEXT: settings of the engine's unit until the next mending.
engine_drop_in() {
  mkdir -p /run/systemd/system/tms-ollama.service.d
  printf '%b\n' "$1" >/run/systemd/system/tms-ollama.service.d/sabotage.conf
  systemctl daemon-reload
  restart_engine
}

# middle_man TWIST: the gateway talks to a middle-man who spoils what the engine says.
middle_man() {
  systemd-run --quiet --collect --unit middle-man python3 /var/lib/middle-man.py 11435 11434 "$1"
  until curl --silent --output /dev/null http://127.0.0.1:11435/api/version; do sleep 0.1; done
  edit "$conf" 's/server 127.0.0.1:11434;/server 127.0.0.1:11435;/'
  restart_gateway
}

# mend SERVICE…: everything as it was kept, and the named services know it: gateway, engine, firewall.
mend() {
  if systemctl is-active --quiet middle-man; then systemctl stop middle-man; fi
  cp -a "$good/." /
  if [[ -e /run/systemd/system/tms-ollama.service.d ]]; then
    rm -r /run/systemd/system/tms-ollama.service.d
    systemctl daemon-reload
  fi
  local service
  for service; do
    case $service in
      gateway) restart_gateway ;;
      engine) restart_engine ;;
      firewall) ufw --force enable && ufw reload ;;
    esac
  done
}
