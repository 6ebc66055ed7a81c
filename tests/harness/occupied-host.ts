import type { ContainerHost } from "./container-host";

/** A host that somebody has used for other things, under names that are ours too. */
export const OCCUPY = `
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq install --no-install-recommends nginx-light ufw >/run/occupy.log 2>&1
  mkdir -p /srv/own && echo mine >/srv/own/index.html
  echo 'server { listen 8080; listen [::]:8080; root /srv/own; }' >/etc/nginx/sites-available/own
  ln -s ../sites-available/own /etc/nginx/sites-enabled/own
  systemctl reload nginx
  ufw limit 22/tcp
  ufw allow proto tcp from 10.0.0.0/8 to any port 8080
  ufw allow proto tcp from 192.0.2.9 to 0.0.0.0/0 port 443
  ufw default reject incoming
  ufw --force enable
  useradd --create-home --home-dir /home/tms --shell /bin/bash tms
  install -d -o tms -g tms -m 0700 /opt/llm
  install -d -o daemon -g daemon -m 0711 /opt/llm/models
  echo weights | install -o daemon -g adm -m 0640 /dev/stdin /opt/llm/models/other.gguf
  echo '/var/log/mine.log { weekly }' >/etc/logrotate.d/tms-llm
  chmod 0600 /etc/logrotate.d/tms-llm`;

/** What it serves to others. */
export const ownSite = (host: ContainerHost) => host.shell("curl --fail --silent http://127.0.0.1:8080/");

/** What a removal leaves on purpose; on a folder that was there before, a purge leaves it too. */
export const OUR_DATA = /^path \/opt\/llm\/(models|cache)(\/.*)?: was absent, is . root:root /;
