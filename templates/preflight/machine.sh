# shellcheck shell=bash disable=SC2154
# What the machine is: its system, processor, memory, disks and GPUs, and Docker, which is given them.

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
  flag ipv6 test -d /proc/sys/net/ipv6
  first_line /sys/fs/selinux/enforce
  text selinuxEnforce "$line"
  open pythons '['
  for key in python3 python3.9 python3.1{0..9}; do
    if present "$key"; then text '' "$("$key" --version 2>/dev/null)"; fi
  done
  close ']'
  # Those of them that something in C can be compiled against.
  open pythonsWithHeaders '['
  for key in python3 python3.9 python3.1{0..9}; do
    if present "$key" && has_headers "$key"; then text '' "$("$key" --version 2>/dev/null)"; fi
  done
  close ']'
}

# Isolated, so that nothing of root's folder is imported, and without a cache that it would write.
has_headers() { # PYTHON
  "$1" -IBc 'import os, sysconfig, sys; sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' 2>/dev/null
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

# Questions that an older driver may not know, asked apart from those that every driver answers.
gpu_memory() { # WHETHER THE GPUS ANSWER, AND THEIR LINES
  local output='' list='' line
  if [[ $1 == yes ]]; then
    output=$(timeout 20 nvidia-smi --query-gpu=uuid,memory.reserved --format=csv,noheader,nounits 2>/dev/null)
  fi
  text memoryReserved "${output:0:8192}"
  if [[ $1 != yes || $2 != *Enabled* ]]; then
    raw instances null
    return 0
  fi
  list=$(timeout 20 nvidia-smi -L 2>/dev/null)
  output=
  # Of several hundred lines those by which the memory of an instance is found.
  while IFS= read -r line; do
    case $line in
      'GPU '* | *'MIG Device' | *' Index  '* | *'Memory Usage' | *'BAR1 Memory' | *' Total  '* | *'GPU UUID '*) output+=$line$'\n' ;;
    esac
  done < <(timeout 20 nvidia-smi -q 2>/dev/null)
  open instances '{'
  text list "${list:0:16384}"
  text memory "${output:0:65536}"
  close '}'
}

# Who holds memory of which GPU, and the unit that it belongs to.
gpu_processes() { # WHETHER THE GPUS ANSWER
  local uuid pid name used output='' unit
  if [[ $1 == yes ]]; then
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
  local device vendor class line output='' code=127 answers=no
  open gpu '{'
  if present nvidia-smi; then
    # A driver in trouble may never answer.
    output=$(timeout 20 nvidia-smi \
      --query-gpu=index,name,memory.total,memory.free,driver_version,compute_cap,uuid,mig.mode.current \
      --format=csv,noheader,nounits 2>&1)
    code=$?
    # 14 is a corrupt infoROM, with which a GPU computes on.
    if [[ $code == 0 || $code == 14 ]]; then answers=yes; fi
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
  gpu_memory "$answers" "$output"
  gpu_processes "$answers"
  first_line /proc/driver/nvidia/version
  text driverText "$line"
  # The module on disk: after an upgrade another one than the one that runs.
  text installedDriver "$(modinfo -F version nvidia 2>/dev/null)"
  flag nouveauLoaded test -d /sys/module/nouveau
  # Under WSL the GPU is reached through Windows.
  flag dxg test -e /dev/dxg
  close '}'
}

# GPUs behind NVSwitches: the bridges, and what has to set them up. Asked apart, since former drivers do not know the question.
fabric() {
  local device vendor class line id switches=0 states='' version=''
  for device in /sys/bus/pci/devices/*; do
    first_line "$device/vendor"
    vendor=$line
    first_line "$device/class"
    class=$line
    first_line "$device/device"
    id=$line
    # The network controllers of NVIDIA's former chipsets are of that class too, with ids below.
    if [[ $vendor == 0x10de && $class == 0x0680* && $id =~ ^0x[0-9a-f]+$ ]] && ((id >= 0x1000)); then switches=$((switches + 1)); fi
  done
  open fabric '{'
  number switches "$switches"
  if present nvidia-smi; then
    states=$(timeout 20 nvidia-smi --query-gpu=fabric.state --format=csv,noheader 2>/dev/null) || states=''
  fi
  text states "${states:0:1024}"
  if present nv-fabricmanager; then version=$(timeout 5 nv-fabricmanager --version 2>/dev/null); fi
  text managerVersion "$version"
  text managerActive "$(systemctl is-active nvidia-fabricmanager.service 2>/dev/null)"
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
