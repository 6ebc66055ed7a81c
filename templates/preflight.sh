#!/usr/bin/env bash
# Prints one JSON object about this host, ASCII only. Reads, changes nothing, leaves no file.
# Runs as root from standard input: ssh HOST bash -s <preflight.sh. Needs bash 4.2 and coreutils; all else may be absent.
# What a value means is decided in plan/facts.ts: here text stays as the host says it, and null is "cannot be told".

# No errexit: a host on which one question has no answer must still answer the others.
set -u
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin
shopt -s nullglob

STATE=/var/lib/tms-llm

# --- JSON, written piece by piece into $json ---

json='' comma=''

# Sets $quoted: the value as a JSON string. UTF-8 becomes \u escapes, bytes that are none become U+FFFD.
quote() {
  local rest=$1 plain byte code=0 point=0 more=0 low=0 hex
  quoted='"'
  while [[ -n $rest ]]; do
    plain=${rest%%[!\ !#-\[\]-~]*}
    quoted+=$plain
    rest=${rest:${#plain}}
    [[ -n $rest ]] || break
    byte=${rest:0:1}
    rest=${rest:1}
    case $byte in
      '"' | "\\") quoted+="\\$byte" && continue ;;
      $'\n') quoted+="\\n" && continue ;;
      $'\t') quoted+="\\t" && continue ;;
    esac
    printf -v code '%d' "'$byte"
    point=$((code & 255)) more=0 low=0
    if ((point >= 0xF0 && point < 0xF5)); then
      more=3 low=$((0x10000)) point=$((point & 7))
    elif ((point >= 0xE0 && point < 0xF0)); then
      more=2 low=$((0x800)) point=$((point & 15))
    elif ((point >= 0xC2 && point < 0xE0)); then
      more=1 low=$((0x80)) point=$((point & 31))
    elif ((point >= 0x80)); then
      low=$((0x110000))
    fi
    while ((more > 0)); do
      printf -v code '%d' "'${rest:0:1}"
      (((code & 0xC0) == 0x80)) || break
      point=$((point << 6 | code & 63)) more=$((more - 1))
      rest=${rest:1}
    done
    if ((more > 0 || point < low || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))); then point=$((0xFFFD)); fi
    if ((point >= 0x10000)); then
      printf -v hex '\\u%04x\\u%04x' $((0xD800 + ((point - 0x10000) >> 10))) $((0xDC00 + ((point - 0x10000) & 0x3FF)))
    else
      printf -v hex '\\u%04x' "$point"
    fi
    quoted+=$hex
  done
  quoted+='"'
}

raw() { # KEY JSON; an empty KEY inside a list
  json+=$comma
  [[ -z $1 ]] || json+="\"$1\":"
  json+=$2
  comma=,
}
open() { # KEY { or [
  raw "$1" "$2"
  comma=
}
close() { # } or ]
  json+=$1
  comma=,
}
text() { # KEY VALUE; empty is null
  local quoted=null
  [[ -z $2 ]] || quote "$2"
  raw "$1" "$quoted"
}
number() { # KEY VALUE; what is no whole number is null
  if [[ $2 =~ ^-?(0|[1-9][0-9]*)$ ]]; then raw "$1" "$2"; else raw "$1" null; fi
}
flag() { # KEY COMMAND…; true when the command succeeds
  local key=$1
  shift
  if "$@"; then raw "$key" true; else raw "$key" false; fi
}

# --- small questions ---

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

# --- the report ---

system() {
  local key value id='' like='' version='' pretty='' line
  while IFS='=' read -r key value; do
    value=${value#[\"\']} value=${value%[\"\']}
    case $key in
      ID) id=$value ;;
      ID_LIKE) like=$value ;;
      VERSION_ID) version=$value ;;
      PRETTY_NAME) pretty=$value ;;
    esac
  done 2>/dev/null </etc/os-release
  open os '{'
  text id "$id"
  text like "$like"
  text version "$version"
  text pretty "$pretty"
  close '}'
  text kernel "$(uname -r)"
  flag kernelHeaders test -d "/lib/modules/$(uname -r)/build"
  text machine "$(uname -m)"
  text libc "$(getconf GNU_LIBC_VERSION 2>/dev/null)"
  text virtualization "$(systemd-detect-virt 2>/dev/null)"
  number time "$(date +%s)"
  number effectiveUid "$EUID"
  text sudoUser "${SUDO_USER:-}"
  open packageManagers '['
  for key in apt-get dnf yum zypper; do
    if present "$key"; then text '' "$key"; fi
  done
  close ']'
  first_line /sys/fs/selinux/enforce
  text selinuxEnforce "$line"
  open pythons '['
  for key in python3 python3.9 python3.1{0..9}; do
    if present "$key"; then text '' "$("$key" --version 2>/dev/null)"; fi
  done
  close ']'
}

processor() {
  local key value model=''
  while IFS=: read -r key value; do
    if [[ $key == "model name"* ]]; then
      model=${value# }
      break
    fi
  done </proc/cpuinfo
  open cpu '{'
  number count "$(nproc)"
  text model "$model"
  close '}'
}

# Every limit between systemd's services and the top of the visible control groups, for version 1 or 2 of them.
memory_limits() { # VERSION
  local version=$1 limit_file used_file idle_key line number_ id root mount rest controllers path='' directory limit used idle key value
  if [[ $version == 1 ]]; then
    limit_file=memory.limit_in_bytes used_file=memory.usage_in_bytes idle_key=total_inactive_file
  else
    limit_file=memory.max used_file=memory.current idle_key=inactive_file
  fi
  while IFS=: read -r number_ controllers id; do
    if [[ $version == 1 && ,$controllers, == *,memory,* ]] || [[ $version == 2 && $number_ == 0 && -z $controllers ]]; then path=$id; fi
  done </proc/1/cgroup
  while read -r _ _ _ root mount rest; do
    if [[ $version == 1 ]]; then [[ $rest =~ \ -\ cgroup\ .*,memory(,|$) ]] || continue; fi
    if [[ $version == 2 ]]; then [[ $rest == *" - cgroup2 "* ]] || continue; fi
    # Both may start with /.. where the mount shows more than our name space.
    if [[ $root != / ]]; then path=${path#"$root"}; fi
    directory=$mount${path%/}
    directory=${directory%/init.scope}/system.slice
    while [[ $directory == "$mount"* ]]; do
      first_line "$directory/$limit_file"
      if [[ $line =~ ^[0-9]+$ ]]; then
        limit=$line idle=0
        first_line "$directory/$used_file"
        used=$line
        while read -r key value; do
          [[ $key != "$idle_key" ]] || idle=$value
        done 2>/dev/null <"$directory/memory.stat"
        open '' '{'
        number limitBytes "$limit"
        number usedBytes "$((used - idle))"
        close '}'
      fi
      directory=${directory%/*}
    done
    return 0
  done </proc/self/mountinfo
}

memory() {
  local key value total='' available='' swap='' swap_free=''
  while read -r key value _; do
    case $key in
      MemTotal:) total=$value ;;
      MemAvailable:) available=$value ;;
      SwapTotal:) swap=$value ;;
      SwapFree:) swap_free=$value ;;
    esac
  done </proc/meminfo
  open memory '{'
  number totalBytes "${total:+$((total * 1024))}"
  number availableBytes "${available:+$((available * 1024))}"
  number swapTotalBytes "${swap:+$((swap * 1024))}"
  number swapFreeBytes "${swap_free:+$((swap_free * 1024))}"
  open controlGroups '['
  memory_limits 1
  memory_limits 2
  close ']'
  close '}'
}

disks() {
  local path size free mount seen=' '
  local -a paths=(/)
  for path in /opt /opt/llm /opt/llm/models /var /var/lib "$STATE" /var/log; do
    [[ ! -d $path ]] || paths+=("$path")
  done
  open disks '['
  while read -r size free mount; do
    [[ $size =~ ^[0-9]+$ && $seen != *" $mount "* ]] || continue
    seen+="$mount "
    open '' '{'
    text mount "$mount"
    number sizeBytes "$size"
    number freeBytes "$free"
    close '}'
  done < <(df -B1 --output=size,avail,target "${paths[@]}" 2>/dev/null)
  close ']'
}

# Who holds memory of which GPU, and the unit that it belongs to.
gpu_processes() { # EXIT CODE of the first question
  local uuid pid name used output='' unit
  if [[ $1 == 0 ]]; then
    output=$(timeout 20 nvidia-smi --query-compute-apps=gpu_uuid,pid,process_name,used_memory --format=csv,noheader,nounits 2>/dev/null)
  fi
  open processes '['
  while IFS=, read -r uuid pid name used; do
    [[ ${pid// /} =~ ^[0-9]+$ ]] || continue
    unit_of "${pid// /}"
    open '' '{'
    text gpu "$uuid"
    text name "${name# }"
    number usedMebibytes "${used// /}"
    text unit "$unit"
    close '}'
  done <<<"$output"
  close ']'
}

gpu() {
  local device vendor class line output='' code=127
  open gpu '{'
  if present nvidia-smi; then
    # A driver in trouble may never answer.
    output=$(timeout 20 nvidia-smi \
      --query-gpu=index,name,memory.total,memory.free,driver_version,compute_cap,uuid,mig.mode.current \
      --format=csv,noheader,nounits 2>&1)
    code=$?
  fi
  open nvidiaSmi '{'
  number exitCode "$code"
  text output "${output:0:8192}"
  close '}'
  open pciDevices '['
  for device in /sys/bus/pci/devices/*; do
    first_line "$device/vendor"
    vendor=$line
    first_line "$device/class"
    class=$line
    [[ $vendor == 0x10de && $class == 0x03* ]] || continue
    first_line "$device/device"
    open '' '{'
    text address "${device##*/}"
    text device "$line"
    close '}'
  done
  close ']'
  gpu_processes "$code"
  first_line /proc/driver/nvidia/version
  text driverText "$line"
  # The module on disk: after an upgrade another one than the one that runs.
  text installedDriver "$(modinfo -F version nvidia 2>/dev/null)"
  flag nouveauLoaded test -d /sys/module/nouveau
  close '}'
}

secure_boot() {
  local file state=''
  open secureBoot '{'
  flag efi test -d /sys/firmware/efi
  for file in /sys/firmware/efi/efivars/SecureBoot-*; do
    # Four bytes of attributes, then the value.
    read -r _ _ _ _ state _ < <(od -An -tu1 "$file" 2>/dev/null)
  done
  number variable "$state"
  close '}'
}

docker_engine() {
  local path=''
  path=$(type -P docker) && path=$(readlink -f "$path")
  open docker '{'
  text path "$path"
  # A snap's command starts the snap machinery, which writes; its path tells enough.
  if [[ -n $path && $path != */snap* ]]; then text version "$(timeout 5 docker --version 2>/dev/null)"; else text version ''; fi
  close '}'
}

ports() {
  local local_address users process output unit
  if ! present ss || ! output=$(ss -Hltnp 2>/dev/null); then
    raw ports null
    return 0
  fi
  open ports '['
  while read -r _ _ _ local_address _ users; do
    [[ -n $local_address ]] || continue
    process='' unit=''
    if [[ $users =~ \(\(\"([^\"]*)\",pid=([0-9]+) ]]; then
      process=${BASH_REMATCH[1]}
      unit_of "${BASH_REMATCH[2]}"
    fi
    open '' '{'
    text address "${local_address%:*}"
    number port "${local_address##*:}"
    text process "$process"
    text unit "$unit"
    close '}'
  done <<<"$output"
  close ']'
}

firewall() {
  local line key value rules='' in_chain='' output enabled=''
  open firewall '{'
  if present ufw; then
    # `ufw status` starts Python and takes longer than all other questions together.
    while IFS='=' read -r key value; do
      [[ $key != ENABLED ]] || enabled=${value,,}
    done 2>/dev/null </etc/ufw/ufw.conf
    text ufw "${enabled:-no}"
  else
    text ufw ''
  fi
  if present nft && output=$(nft list ruleset 2>/dev/null); then
    rules=0
    while read -r line; do
      case $line in
        chain*\{) in_chain=yes ;;
        \}) in_chain= ;;
        'type '*' hook '* | 'policy '* | 'comment '* | '') ;;
        *) [[ -z $in_chain ]] || rules=$((rules + 1)) ;;
      esac
    done <<<"$output"
  fi
  number nftRules "$rules"
  close '}'
}

services() {
  local file key value output version='' state=''
  local -A names=([kanana-llm.service]=1 [ollama.service]=1 [tms-ollama.service]=1 [nginx.service]=1 [ufw.service]=1 [firewalld.service]=1 [nftables.service]=1)
  open systemd '{'
  flag running test -d /run/systemd/system
  output=$(systemctl show -p Version -p SystemState 2>/dev/null)
  while IFS='=' read -r key value; do
    case $key in
      Version) version=$value ;;
      SystemState) state=$value ;;
    esac
  done <<<"$output"
  text version "$version"
  text state "$state"
  close '}'
  for file in /etc/systemd/system/llm-*.service /run/systemd/system/llm-*.service /usr/local/lib/systemd/system/llm-*.service \
    /usr/lib/systemd/system/llm-*.service /lib/systemd/system/llm-*.service; do
    names[${file##*/}]=1
  done
  open services '['
  output=$(systemctl show -p Id -p LoadState -p ActiveState -p UnitFileState -p FragmentPath "${!names[@]}" 2>/dev/null)
  local id='' load='' active='' enabled='' path=''
  while IFS='=' read -r key value; do
    case $key in
      Id) id=$value ;;
      LoadState) load=$value ;;
      ActiveState) active=$value ;;
      UnitFileState) enabled=$value ;;
      FragmentPath) path=$value ;;
    esac
    # A blank line ends a unit.
    if [[ -z $key ]]; then
      if [[ -n $id && $load != not-found ]]; then
        open '' '{'
        text name "$id"
        text active "$active"
        text enabled "$enabled"
        text path "$path"
        close '}'
      fi
      id=''
    fi
  done <<<"$output"$'\n'
  close ']'
}

# The server blocks' names and ports of one file, as nginx reads them: one directive a line in every file we met.
nginx_site() {
  local path=$1 line
  local -a server_names=() listens=()
  while IFS= read -r line || [[ -n $line ]]; do
    if [[ $line =~ ^[[:space:]]*server_name[[:space:]]+([^\;]+)\; ]]; then server_names+=("${BASH_REMATCH[1]}"); fi
    if [[ $line =~ ^[[:space:]]*listen[[:space:]]+([^\;]+)\; ]]; then listens+=("${BASH_REMATCH[1]}"); fi
  done 2>/dev/null <"$path"
  open '' '{'
  text path "$path"
  text target "$(readlink -f "$path")"
  text serverNames "${server_names[*]-}"
  open listens '['
  for line in ${listens[@]+"${listens[@]}"}; do text '' "$line"; done
  close ']'
  close '}'
}

nginx() {
  local path
  open nginx '{'
  text path "$(type -P nginx)"
  open sites '['
  for path in /etc/nginx/sites-enabled/* /etc/nginx/conf.d/*.conf; do
    [[ ! -f $path ]] || nginx_site "$path"
  done
  close ']'
  close '}'
}

account() {
  local entry name uid gid home shell
  entry=$(getent passwd tms)
  if [[ -z $entry ]]; then
    raw tmsUser null
    return 0
  fi
  IFS=: read -r name _ uid gid _ home shell <<<"$entry"
  open tmsUser '{'
  text name "$name"
  number uid "$uid"
  number gid "$gid"
  text home "$home"
  text shell "$shell"
  close '}'
}

# What an earlier deployment of ours left: nothing else on this host may be taken for ours.
ours() {
  local line kind id bytes path
  if [[ ! -d $STATE ]]; then
    raw ours null
    return 0
  fi
  open ours '{'
  first_line "$STATE/digest"
  text digest "$line"
  # What is there already needs no room again.
  open used '['
  while read -r bytes path; do
    open '' '{'
    text path "$path"
    number bytes "$bytes"
    close '}'
  done < <(du -sxB1 /opt/llm/models /opt/llm/ollama "$STATE" 2>/dev/null)
  close ']'
  open ledger '['
  if [[ -r $STATE/ledger ]]; then
    while IFS=$'\t' read -r _ _ kind id _; do
      open '' '{'
      text kind "$kind"
      text id "$id"
      close '}'
    done <"$STATE/ledger"
  fi
  close ']'
  close '}'
}

main() {
  open '' '{'
  raw schema '"tms-llm/preflight/1"'
  system
  processor
  memory
  disks
  gpu
  secure_boot
  docker_engine
  ports
  firewall
  services
  nginx
  account
  ours
  close '}'
  printf '%s\n' "$json"
}

# The script itself is on standard input; nothing that it starts may read from there.
main </dev/null
