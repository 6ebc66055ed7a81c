# shellcheck shell=bash
# Does the GPU answer, and does the engine use it? Sent with each phase, and on the host as /opt/llm/gpu.sh, where the units
# and the health check read it. Works with errexit and without.

# gpu_expected DEVICE: `detect` expects a GPU that is on the bus and whose driver is installed.
gpu_expected() {
  case $1 in
    gpu) return 0 ;;
    detect) nvidia_on_bus && modinfo nvidia >/dev/null 2>&1 ;;
    *) return 1 ;;
  esac
}

nvidia_on_bus() { on_bus 0x03 0; }

# nvswitch_on_bus: the network controllers of NVIDIA's former chipsets are of that class too, with ids below.
nvswitch_on_bus() { on_bus 0x0680 0x1000; }

on_bus() { # CLASS LOWEST-ID: a PCI device of NVIDIA's
  local path vendor class device
  for path in /sys/bus/pci/devices/*; do
    [[ -r $path/vendor && -r $path/class && -r $path/device ]] || continue
    read -r vendor <"$path/vendor"
    read -r class <"$path/class"
    read -r device <"$path/device"
    if [[ $vendor == 0x10de && $class == "$1"* ]] && ((device >= $2)); then return 0; fi
  done
  return 1
}

# nvidia_smi ARGUMENT…: its answer within 20 s, since a driver in trouble may never answer. A corrupt infoROM, exit code 14, is
# no failure: the GPU computes on.
nvidia_smi() { timeout 20 nvidia-smi "$@" || (($? == 14)); }

# gpu_fault: what stands between this process and the GPU, in one line; nothing where all is well. A unit whose devices are
# closed sees that here too, since the files are opened.
gpu_fault() {
  local fault
  fault=$(driver_fault)
  printf '%s' "${fault:-$(fabric_fault)}"
}

driver_fault() {
  local answer node
  if ! answer=$(nvidia_smi -L 2>&1); then
    printf 'nvidia-smi says: %s\n' "$(head -n 1 <<<"${answer:-nothing within 20 s}")"
    return 0
  fi
  for node in /dev/nvidiactl /dev/nvidia-uvm; do
    if [[ ! -c $node ]]; then
      echo "$node is missing"
      return 0
    fi
    if ! (: <>"$node") 2>/dev/null; then
      echo "$node is there and cannot be opened"
      return 0
    fi
  done
}

# fabric_fault: GPUs behind NVSwitches answer nvidia-smi, and refuse CUDA until Fabric Manager has set up their links. Drivers
# that do not know the question, and GPUs of former generations, which answer N/A, are taken to be ready.
fabric_fault() {
  local states
  nvswitch_on_bus || return 0
  states=$(timeout 20 nvidia-smi --query-gpu=fabric.state --format=csv,noheader 2>/dev/null) || return 0
  states=$(sed -E '/^ *(Completed|\[?N\/A\]?) *$/d' <<<"$states" | sort -u | paste -sd,)
  if [[ -n $states ]]; then
    echo "the NVSwitch fabric is not ready (fabric.state: $states), so CUDA would say 802, system not yet initialized: see systemctl status nvidia-fabricmanager"
  fi
}

# CUDA makes missing device files by a set-user-id program, which a hardened unit cannot run. A unit's devices are also let
# in by what the kernel knows of at its start, so the module has to be loaded before that.
make_gpu_files() {
  if ! command -v nvidia-modprobe >/dev/null || ! nvidia-modprobe -u -c=0; then
    if ! modprobe nvidia-uvm 2>/dev/null; then return 0; fi
  fi
}

# wait_for_gpu DEVICE SECONDS: fails with the reason where a GPU is expected and does not answer in time.
wait_for_gpu() {
  local fault deadline=$((SECONDS + $2))
  gpu_expected "$1" || return 0
  while :; do
    make_gpu_files
    fault=$(gpu_fault)
    [[ -n $fault ]] || return 0
    ((SECONDS < deadline)) || break
    sleep 1
  done
  echo "no GPU after $2 s: $fault" >&2
  return 1
}

# ollama_digest PORT NAME: the digest that Ollama lists for the name, or nothing.
ollama_digest() {
  local name=$2
  [[ $name == *:* ]] || name=$name:latest
  curl --fail --silent --max-time 10 "http://127.0.0.1:$1/api/tags" | tr '{' '\n' |
    awk -v name="\"name\":\"$name\"" 'index($0, name) { if (match($0, /"digest":"[0-9a-f]+"/)) print substr($0, RSTART + 10, RLENGTH - 11) }'
}

# ollama_placement PORT NAME: "BYTES BYTES-ON-GPU" of a loaded model; nothing where it is not loaded. Found by its digest,
# since a model that was copied or renamed while it was loaded is still listed under its former name. Bytes are never numbers to
# awk: Debian's mawk writes one above 2 GiB as 1.4e+10.
ollama_placement() {
  local digest
  digest=$(ollama_digest "$1" "$2")
  curl --fail --silent --max-time 10 "http://127.0.0.1:$1/api/ps" | tr ',{' '[\n*]' | awk -v digest="\"digest\":\"$digest\"" '
    /^"name":/ { size = 0; wanted = 0 }
    /^"size":/ { size = substr($0, 8); gsub(/[^0-9]/, "", size) }
    $0 == digest { wanted = 1 }
    wanted && /^"size_vram":/ { vram = substr($0, 13); gsub(/[^0-9]/, "", vram); placement = size " " vram }
    END { if (placement) print placement }'
}

# ollama_gpu_fault PORT NAME: where a loaded model lies, unless all of it lies on a GPU.
ollama_gpu_fault() {
  local size vram
  if ! read -r size vram < <(ollama_placement "$1" "$2"); then
    echo "it is not loaded"
  elif ((vram == 0)); then
    echo "it lies in the host's memory, so the engine computes on the CPU"
  elif ((vram < size)); then
    echo "$((vram >> 20)) of its $((size >> 20)) MiB lie on the GPU, the rest in the host's memory"
  fi
}

# unit_on_gpu UNIT: whether a process of the unit holds memory of a GPU.
unit_on_gpu() {
  local pid
  while read -r pid; do
    if grep -qs "/$1\$" "/proc/$pid/cgroup"; then return 0; fi
  done < <(timeout 20 nvidia-smi --query-compute-apps=pid --format=csv,noheader)
  return 1
}
