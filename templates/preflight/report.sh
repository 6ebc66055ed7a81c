# shellcheck shell=bash disable=SC2154,SC2034
# Prints one JSON object about this host, ASCII only. Reads, changes nothing, leaves no file.
# Runs as root from standard input, after json.sh, machine.sh, occupants.sh and servers.sh. Needs bash 4.2 and coreutils; all
# else may be absent.
# What a value means is decided in plan/facts.ts: here text stays as the host says it, and null is "cannot be told".

# No errexit: a host on which one question has no answer must still answer the others.
set -u
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin
shopt -s nullglob

STATE=/var/lib/tms-llm

present() { type -P "$1" >/dev/null; }

# Sets $line: the first line of a file, empty when it can't be read. No fork, unlike $(<file).
first_line() {
  line=
  [[ -r $1 ]] && { read -r line <"$1"; } 2>/dev/null
  return 0
}

# Sets $unit: the innermost systemd unit of a process, empty for none.
unit_of() {
  local path entry
  unit=
  [[ -r /proc/$1/cgroup ]] || return 0
  while IFS= read -r entry; do
    [[ $entry == *:name=systemd:* || $entry == 0::* ]] || continue
    path=${entry#*:*:}
    while [[ $path == */* ]]; do
      if [[ ${path##*/} == *.@(service|scope|socket) ]]; then
        unit=${path##*/}
        return 0
      fi
      path=${path%/*}
    done
  done 2>/dev/null <"/proc/$1/cgroup"
}

main() {
  open '' '{'
  raw schema '"tms-llm/preflight/1"'
  system
  processor
  memory
  disks
  gpu
  fabric
  secure_boot
  docker_engine
  ports
  firewall
  services
  nginx
  account
  ours
  [[ -z ${asked-} ]] || servers
  close '}'
  printf '%s\n' "$json"
}

# The script itself is on standard input; nothing that it starts may read from there.
main </dev/null
