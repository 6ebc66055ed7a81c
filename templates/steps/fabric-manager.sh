# shellcheck shell=bash disable=SC2154
# NVIDIA's Fabric Manager, where GPUs are behind NVSwitches: until it has set up their links CUDA does not start (error 802).
# It has to be of the very same version as the driver, whoever installed that one.

UNIT=nvidia-fabricmanager.service

step() {
  local driver name version
  nvswitch_on_bus || return 0
  if ! driver=$(modinfo -F version nvidia 2>/dev/null); then
    # The driver's own step says so.
    [[ $VERB == apply ]] || return 0
    fail "no Fabric Manager without a driver" "modinfo finds no nvidia for $(uname -r)" "run up again; it begins with the driver"
  fi
  name=$(manager_name "$driver")
  version=$(package_version "$name")
  if [[ $(release_of "$version") != "$driver" ]]; then
    difference "package $name" "$driver, as the driver" "${version:-not installed}"
    if [[ $VERB == apply ]]; then
      version=$(offered_version "$name" "$driver")
      [[ -n $version ]] ||
        fail "no Fabric Manager of the driver's version is to be had" "driver $driver; no repository of the host has $(manager_names "$driver" | paste -sd, | sed 's/,/ or /g') of that version" \
          "install it by hand from where the driver came, or bring the driver to a version for which there is one (apt-cache madison, dnf list --showduplicates), then run up again"
    fi
  fi
  [[ $VERB == check ]] || ensure_packages_at "$version" "$name"
  ensure_hold_tool
  ensure_hold "$name"
  ensure_unit "$UNIT"
  [[ $VERB == check ]] || await_fabric
}

release_of() { # VERSION
  local release=${1#*:}
  printf '%s' "${release%%-*}"
}

manager_names() { printf '%s\n' "${in_packages//\{branch\}/${1%%.*}}"; } # DRIVER

# manager_name DRIVER: the one that is there, else the first that is offered in the driver's version, else the first.
manager_name() {
  local name
  for name in $(manager_names "$1"); do
    if package_installed "$name"; then
      echo "$name"
      return 0
    fi
  done
  if [[ $VERB == apply ]]; then
    for name in $(manager_names "$1"); do
      if [[ -n $(offered_version "$name" "$1") ]]; then
        echo "$name"
        return 0
      fi
    done
  fi
  manager_names "$1" | head -n 1
}

await_fabric() {
  local fault deadline=$((SECONDS + in_seconds))
  while fault=$(fabric_fault) && [[ -n $fault ]]; do
    ((SECONDS < deadline)) ||
      fail "the NVSwitch fabric is not ready after $in_seconds s" "$fault" \
        "on the host: journalctl -u $UNIT; nvidia-smi -q | grep -A 3 Fabric; dmesg | grep -e NVRM -e nvswitch; then run up again"
    sleep 1
  done
}
