# shellcheck shell=bash
# What a host tells of itself for a report: a JSON line a piece, its text gzipped and in base64. Reads, changes nothing, leaves no
# file. Runs as root from standard input: collect.sh BYTES, the most that a piece may have. The functions `preflight` and `drift`
# stand before this text. Needs bash 4.2, coreutils and gzip; all else may be absent: a piece that is about it then ends with 69.

# No errexit: a host on which one piece cannot be had must still give the others.
set -u
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_COLORS=0 SYSTEMD_PAGER='' NO_COLOR=1
export STATE=/var/lib/tms-llm
# Units of ours, of others that serve models, and of what both stand on; words for systemctl and journalctl.
export ENGINES='llm-*.service tms-ollama.service ollama*.service *vllm*.service kanana-llm.service'
export BESIDE='tms-llm-*.service tms-llm-*.timer nginx.service docker.service containerd.service nvidia-*.service ufw.service firewalld.service nftables.service'

needs() {
  # A snap's command starts the snap machinery, which writes.
  [[ $(readlink -f "$(type -P "$1")") != @(|*/snap*) ]] && return
  echo "$1 is not on the host"
  exit 69
}

# Each line says what was asked.
ask() {
  printf '\n$ %s\n' "$*"
  "$@"
}

system() {
  cat /etc/os-release
  ask uname -a
  ask uptime
  ask nproc
  ask free -m
  ask cat /proc/meminfo
  tail -n +1 /proc/pressure/* 2>/dev/null
  ask df -hT
  ask findmnt --df
  ask ps -eo pid,user,pcpu,pmem,rss,etime,comm --sort=-rss | head -n 60
  ask systemd-detect-virt
  ask getenforce
}

versions() {
  systemctl --version | head -n 1
  nginx -V
  (needs docker && docker --version)
  curl --version | head -n 1
  openssl version
  bash --version | head -n 1
  sshd -V 2>&1 | head -n 1
  if type -P dpkg-query >/dev/null; then
    dpkg-query -W 'nginx*' 'docker*' 'containerd*' '*nvidia*' 'cuda-*' 'linux-image-*' 'linux-headers-*' ufw 2>/dev/null
    apt-mark showhold
  else
    rpm -qa 'nginx*' 'docker*' 'containerd*' '*nvidia*' 'cuda-*' 'kernel*' firewalld
  fi
}

units() {
  needs systemctl
  set -f
  # shellcheck disable=SC2086
  set -- $ENGINES $BESIDE
  ask systemctl is-system-running
  ask systemctl list-units --failed
  ask systemctl list-units --all "$@"
  ask systemctl list-timers --all 'tms-*'
  ask systemctl status --all --full --lines=0 "$@"
}

unit_files() {
  needs systemctl
  set -f
  # shellcheck disable=SC2086
  systemctl cat $ENGINES $BESIDE
}

unit_properties() {
  needs systemctl
  set -f
  # shellcheck disable=SC2086
  systemctl show $ENGINES $BESIDE
}

journal() { # OPTION…
  needs journalctl
  journalctl --no-pager --quiet --no-hostname --output=short-iso-precise --since='2 days ago' --lines=2000 "$@"
}

of_units() { # UNIT… as options of journalctl
  local unit
  set -f
  for unit in $1; do printf -- '--unit=%s\n' "$unit"; done
}

phases_journal() { journal --identifier=tms-llm; }
engine_journal() {
  local -a options
  mapfile -t options < <(of_units "$ENGINES")
  journal "${options[@]}"
}
units_journal() {
  local -a options
  mapfile -t options < <(of_units "$BESIDE")
  journal "${options[@]}"
}

engine_files() {
  local file
  for file in /opt/llm/logs/*.log; do
    [[ ! -f $file ]] || ask tail -n 2000 "$file"
  done
}

# What the kernel says of GPUs and of memory that ran out, from earlier boots too.
kernel() {
  local of='NVRM|Xid|nvidia|nouveau|oom|Out of memory|Killed process|segfault|I/O error'
  echo '$ dmesg'
  dmesg | grep -Ei "$of" | tail -n 500
  echo '$ journalctl _TRANSPORT=kernel'
  journal _TRANSPORT=kernel | grep -Ei "$of"
}

gpu() {
  needs nvidia-smi
  ask timeout 20 nvidia-smi
  ask timeout 30 nvidia-smi -q
  ask timeout 20 nvidia-smi topo -m
  ask cat /proc/driver/nvidia/version
  ask modinfo -F version nvidia
  lsmod | grep -Ei 'nvidia|nouveau'
  ask dkms status
}

nginx_log() {
  local file
  for file in /var/log/nginx/tms-llm.error.log /var/log/nginx/error.log; do
    [[ ! -f $file ]] || ask tail -n 500 "$file"
  done
}

# How requests ended, hour by hour: the access log itself has clients in it, and stays where it is.
nginx_answers() {
  local log=/var/log/nginx/tms-llm.access.log
  [[ -f $log ]] || return 0
  echo 'hour, status, requests'
  tail -n 100000 "$log" | sed -nE 's/^\{"time":"([^":]{13}).*"status":([0-9]{3}).*/\1 \2/p' | sort | uniq -c | awk '{ print $2 ", " $3 ", " $1 }'
}

deployment() {
  [[ -d $STATE ]] || {
    echo "nothing of ours is on the host: there is no $STATE"
    return 0
  }
  tail -n +1 "$STATE"/{digest,owner,ledger} "$STATE"/phases/*/{phase,done} "$STATE"/runs/*/failure-text 2>/dev/null
  ask find "$STATE" "$STATE-incoming" /opt/llm -maxdepth 2 -printf '%M %u:%g %s %TY-%Tm-%Td %TH:%TM %p\n'
}

network() {
  ask ss -Hltnup
  ask ip -brief address
  ask ip route
  ask ip -6 route
  ask cat /etc/resolv.conf
  ask nft list ruleset
}

docker_containers() {
  needs docker
  # Asked while it sleeps, its socket would start it.
  systemctl is-active --quiet docker.service || {
    echo 'docker.service does not run'
    return 0
  }
  ask docker version
  ask docker ps --all --format '{{.Image}}	{{.Status}}	{{.Ports}}'
}

# For the redaction alone, on the machine that asks: how this host and its people are called, and what must not be seen of it.
names() {
  hostname
  hostname --fqdn 2>/dev/null
  hostname --all-fqdns 2>/dev/null
  awk '$1 == "search" || $1 == "domain" { for (i = 2; i <= NF; i++) print $i }' /etc/resolv.conf
}
people() {
  getent passwd | awk -F: '$3 >= 1000 && $3 < 60000 { print $1 }'
  echo "${SUDO_USER:-}"
}
secrets() {
  local file
  cat /etc/nginx/tms-llm/keys.conf /etc/nginx/tms-llm/engine.conf /etc/tms-llm/*.env /etc/tms-llm/tls/*.key 2>/dev/null
  [[ -r $STATE/ledger ]] || return 0
  # The env files of applications lie where the stack file says.
  cut -f4 "$STATE/ledger" | grep '\.env$' | while read -r file; do cat -- "$file"; done 2>/dev/null
}

piece() { # NAME SECONDS FUNCTION
  local functions
  functions=$(declare -f)
  printf '{"piece":"%s","data":"' "$1"
  # One more than may be: so it shows that something was cut.
  timeout --kill-after=2 "$2" bash -c "$functions"$'\n'"$3" </dev/null 2>&1 | tail -c "$((LIMIT + 1))" | gzip -c | base64 -w0
  printf '","exitCode":%d}\n' "${PIPESTATUS[0]}"
}

main() {
  piece private/names 5 names
  piece private/people 5 people
  piece private/secrets 5 secrets
  piece facts.json 60 preflight
  piece drift.jsonl 120 drift
  piece versions.txt 20 versions
  piece deployment.txt 10 deployment
  piece units.txt 10 units
  piece unit-files.txt 10 unit_files
  piece unit-properties.txt 10 unit_properties
  piece system.txt 15 system
  piece gpu.txt 90 gpu
  piece network.txt 15 network
  piece docker.txt 15 docker_containers
  piece logs/phases.txt 20 phases_journal
  piece logs/engine.txt 20 engine_journal
  piece logs/engine-files.txt 10 engine_files
  piece logs/units.txt 20 units_journal
  piece logs/kernel.txt 20 kernel
  piece logs/nginx-error.txt 10 nginx_log
  piece logs/nginx-answers.txt 20 nginx_answers
}

export LIMIT=$1
# The script itself is on standard input; nothing that it starts may read from there.
main </dev/null
