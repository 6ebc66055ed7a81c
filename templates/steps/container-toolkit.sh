# shellcheck shell=bash disable=SC2154
# NVIDIA's container toolkit at one version, its runtime in Docker, and a container that sees the GPU.

step() {
  local -a packages
  mapfile -t packages <<<"$in_packages"
  if owns_packages || ! command -v nvidia-ctk >/dev/null; then
    set_stale_lists_aside
    ensure_repository "$in_list" "$in_url" "$in_keyring" "$in_key" "$in_fingerprint"
    ensure_packages_at "$in_version" "${packages[@]}"
    ensure_hold_tool
    ensure_hold "${packages[@]}"
  else
    progress "  a container toolkit is there already: $(nvidia-ctk --version | head -n 1)"
  fi
  if ! command -v nvidia-ctk >/dev/null; then return 0; fi
  ensure_docker_runtime
  ensure_cdi
  if [[ $VERB == apply ]]; then ensure_proof; else own file "$PROVEN" absent; fi
}

# Lists of the toolkit's predecessors name the same packages by other keys, with which apt refuses all of them.
set_stale_lists_aside() {
  local name
  for name in nvidia-docker libnvidia-container nvidia-container-runtime; do
    ensure_absent "/etc/apt/sources.list.d/$name.list"
    ensure_absent "/etc/yum.repos.d/$name.repo"
  done
}

CDI=/var/run/cdi/nvidia.yaml

# The toolkit's own unit writes it at boot, but not after a driver's change.
ensure_cdi() {
  local driver
  driver=$(nvidia_smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1) || driver=
  if ! nvidia-ctk cdi list 2>/dev/null | grep -qx 'nvidia.com/gpu=all' || ! grep -qsF -- "$driver" "$CDI"; then
    difference "CDI devices" "nvidia.com/gpu=all of driver $driver" "$(nvidia-ctk cdi list 2>/dev/null | paste -sd' ')"
    if [[ $VERB == apply ]]; then
      own_file "$CDI"
      install -d -m 0755 "${CDI%/*}"
      nvidia-ctk cdi generate --output="$CDI" >"$RUN_DIR/nvidia-ctk.log" 2>&1 ||
        fail "the GPU's description for containers could not be made" "$(tail -n 2 "$RUN_DIR/nvidia-ctk.log")" \
          "see that the driver works (nvidia-smi on the host), then run up again"
      changed "CDI devices"
    fi
  fi
  if owned file "$CDI"; then own file "$CDI" absent; fi
}

# With what the last container saw the GPU.
PROVEN=$STATE/container-proven

ensure_proof() {
  local with seen
  with="$(nvidia-ctk --version | head -n 1), driver $(nvidia_smi --query-gpu=driver_version --format=csv,noheader | head -n 1), ${in_image:-files of the host}"
  own file "$PROVEN" absent
  if [[ -e $PROVEN && $(<"$PROVEN") == "$with" ]]; then return 0; fi
  progress "  ask a container for its GPUs"
  seen=$(see_from_container) ||
    fail "a container does not see the GPU" "$(tail -n 3 "$RUN_DIR/docker.log")" \
      "on the host: nvidia-smi -L; nvidia-ctk cdi list; journalctl -u docker; then docker run --rm --runtime=nvidia --env NVIDIA_VISIBLE_DEVICES=all ${in_image:-<an image with the GNU C library>} nvidia-smi -L${in_image:+; where the image cannot be fetched, leave gpu.containerImage out}$(selinux_advice)"
  [[ $seen == *"GPU 0"* ]] ||
    fail "a container does not see the GPU" "nvidia-smi -L in it says: ${seen:-nothing}" "on the host: nvidia-smi -L; nvidia-ctk cdi list; journalctl -u docker"
  echo "$with" >"$PROVEN"
  changed "a container sees $seen"
}

# Whether containers may use devices at all is for whoever answers for the host.
selinux_advice() {
  if selinux_enforced; then echo "; where SELinux denies it (ausearch -m avc -ts recent), allow containers the use of devices: setsebool -P container_use_devices on"; fi
}

see_from_container() {
  if [[ -z $in_image ]]; then see_from_own_image; else see_from_given_image; fi
}

# An image that was fetched for this goes again.
see_from_given_image() {
  local fetched='' status=0
  docker image inspect "$in_image" >/dev/null 2>&1 || fetched=yes
  run_with_gpu "$in_image" || status=$?
  if [[ -n $fetched ]] && docker image inspect "$in_image" >/dev/null 2>&1; then docker image rm "$in_image" >/dev/null; fi
  return "$status"
}

# An image of this name is there while the proof runs, and no longer.
PROOF_IMAGE=tms-llm-gpu-proof:local

# No registry is needed: the driver's part of a container comes from the host anyway, and so can the rest.
see_from_own_image() {
  local root=$RUN_DIR/image status=0
  own docker-image "$PROOF_IMAGE" absent
  undo_docker_image "$PROOF_IMAGE"
  make_proof_root "$root" "$(command -v nvidia-smi)" "$(ldconfig -p | awk '/libnvidia-ml\.so\.1 / { print $NF; exit }')"
  tar -C "$root" -c . | docker import - "$PROOF_IMAGE" >/dev/null 2>"$RUN_DIR/docker.log" || return 1
  run_with_gpu "$PROOF_IMAGE" || status=$?
  undo_docker_image "$PROOF_IMAGE"
  disown_line docker-image "$PROOF_IMAGE"
  return "$status"
}

run_with_gpu() { # IMAGE
  timeout 600 docker run --rm --runtime=nvidia --network=none --env NVIDIA_VISIBLE_DEVICES=all --env NVIDIA_DRIVER_CAPABILITIES=utility \
    "$1" nvidia-smi -L 2>"$RUN_DIR/docker.log" || (($? == 14))
}
