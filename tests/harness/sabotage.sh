# shellcheck shell=bash
# Words in which one thing on a deployed host is spoiled, and mended again. Read by bash on the host.

conf=/etc/nginx/conf.d/tms-llm.conf
keys=/etc/nginx/tms-llm/keys.conf
certificate=/etc/tms-llm/tls/server.pem
certificate_key=/etc/tms-llm/tls/server.key
digest=/var/lib/tms-llm/digest
good=/var/lib/good

set -euo pipefail

# What an engine is called, what of it may be spoiled, and whom curl asks whether it is there.
if [[ -e /etc/systemd/system/tms-ollama.service ]]; then
  engine=tms-ollama
  engine_env=/etc/tms-llm/ollama.env
  manifest=$(echo /opt/llm/models/manifests/*/library/tiny/latest)
  engine_files=("$engine_env" "$manifest")
  engine_answers=(http://127.0.0.1:11434/api/version)
elif [[ -e /etc/systemd/system/llm-vllm.service ]]; then
  engine=llm-vllm
  config=$(readlink -f /opt/llm/vllm/current)/config.yaml
  engine_files=("$config")
  engine_answers=(--unix-socket /run/httpd-llm-vllm/engine.sock http://localhost/health)
else
  engine=llm-transformers
  door=$(readlink -f /opt/llm/transformers/current)/door.py
  engine_files=("$door")
  engine_answers=(--unix-socket /run/httpd-llm-transformers/engine.sock http://localhost/health)
fi

# Keeps what may be spoiled, as it is now.
keep() {
  mkdir "$good"
  cp -a --parents "$conf" "$keys" "$certificate" "$certificate_key" "$digest" "${engine_files[@]}" /etc/ufw "$good"
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
  systemctl reset-failed "$engine"
  systemctl restart "$engine"
  until curl --silent --output /dev/null "${engine_answers[@]}"; do sleep 0.1; done
}

# engine_drop_in TEXT: settings of the engine's unit until the next mending.
engine_drop_in() {
  mkdir -p "/run/systemd/system/$engine.service.d"
  printf '%b\n' "$1" >"/run/systemd/system/$engine.service.d/sabotage.conf"
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
  if [[ -e /run/systemd/system/$engine.service.d ]]; then
    rm -r "/run/systemd/system/$engine.service.d"
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
