# shellcheck shell=bash disable=SC2154
# NVIDIA's driver of one branch, held at its version, loaded. A driver that works already, of whomever, is left alone.

step() {
  local -a packages
  if ! owns_packages && [[ -z $(gpu_fault) ]]; then
    progress "  a driver is there and works: $(loaded_driver)"
    return 0
  fi
  ensure_file /etc/modprobe.d/tms-llm-nouveau.conf
  if [[ -n $in_url ]]; then ensure_repository "$in_list" "$in_url" "$in_keyring" "$in_key" "$in_fingerprint"; fi
  if [[ -n $in_contrib ]]; then ensure_contrib; fi
  if [[ -n $in_epel ]] && ! has_dkms; then ensure_package "$in_epel"; fi
  if [[ -n $in_stream ]]; then ensure_dnf_module "$in_stream"; fi
  mapfile -t packages < <(package_names)
  # One after the other: the first may decide which version the next ones are of.
  ensure_packages_in_turn "${packages[@]}"
  ensure_held
  ensure_loaded
}

loaded_driver() { nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | paste -sd';'; }
has_dkms() { package_installed dkms || dnf_run list --available dkms >/dev/null 2>&1; }

# package_names: with the names of the running kernel put in, the headers first, since modules are built with them.
package_names() {
  local kernel headers=$in_headers
  kernel=$(uname -r)
  if [[ $kernel == *uek* ]]; then headers=$in_headers_uek; fi
  printf '%s\n' "$headers" "$in_packages" | sed -e '/^$/d' -e "s/{kernel}/$kernel/" -e "s/{flavour}/${kernel#*-*-}/"
}

ensure_packages_in_turn() {
  local name
  for name in "$@"; do ensure_package "$name"; done
}

# Debian's own archive has a part that the driver's packages depend on, and that is not read from the start. Where the
# host's main part comes from, that one does too; apt wants both signed by the same key.
ensure_contrib() {
  local list=/etc/apt/sources.list.d/tms-llm-contrib.list
  if ! owned file "$list" && [[ -n $(apt_parts contrib) ]]; then return 0; fi
  if [[ ! -s $list ]]; then
    ensure_command_output "$list" root:root 0644 -- contrib_lines
    [[ $VERB == check ]] || refresh_packages
  else
    own file "$list" absent
  fi
}

# shellcheck disable=SC2016
apt_parts() { # COMPONENT
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(SOURCESENTRY)' 'Created-By: Packages' 'Origin: Debian' "Component: $1" | sort -u
}

contrib_lines() {
  local url release entry keyring
  while read -r url release entry; do
    # errexit is off within a command that somebody asks the outcome of.
    keyring=$(signed_by "$entry") || return
    printf 'deb %s%s %s contrib\n' "${keyring:+[signed-by=$keyring] }" "$url" "$release"
  done < <(apt_parts main)
}

# signed_by FILE:LINE: the file with the key of the repository that stands there; nothing where it names none.
signed_by() {
  local file=${1%:*} keyrings
  if [[ $file == *.sources ]]; then
    keyrings=$(sed -nE -e 's/^Signed-By:[[:space:]]*$/within/p' -e 's/^Signed-By:[[:space:]]*(.+)$/\1/p' "$file" | sort -u)
  else
    keyrings=$(sed -nE "${1##*:}"'s/^deb .*[[ ]signed-by=([^] ]*).*$/\1/p' "$file")
  fi
  if [[ -n $keyrings && ($keyrings == *$'\n'* || $keyrings != /*) ]]; then
    fail "Debian's part contrib is needed, and cannot be taken from $file" "it names several keys, or holds one itself" "add contrib to that list by hand, then run up again"
  fi
  printf '%s' "$keyrings"
}

# ensure_held: an upgrade beside the loaded module would leave libraries of another version, and no GPU until a reboot.
# Headers are not held: the next kernel needs its own.
ensure_held() {
  local -a ours
  ensure_hold_tool
  mapfile -t ours < <(awk -F'\t' -v step="$STEP" '$2 == step && $3 == "package" && $4 ~ /nvidia|cuda/ { print $4 }' "$LEDGER")
  ensure_hold "${ours[@]}"
}

# Written before a reboot is asked for. The second one is in memory: where it is gone, the host was rebooted since.
REBOOT_ASKED=$STATE/driver-reboot-asked
REBOOT_WANTED=/run/tms-llm-reboot-wanted

ensure_loaded() {
  local fault
  fault=$(gpu_fault)
  if [[ $VERB == check ]]; then
    [[ -z $fault ]] || difference "NVIDIA driver" "answers" "$fault"
    return 0
  fi
  if [[ -n $fault ]]; then
    judge_module
    progress "  load the driver"
    if modprobe nvidia >"$RUN_DIR/modprobe.log" 2>&1; then make_gpu_files; fi
    fault=$(gpu_fault)
    [[ -z $fault ]] || reboot_or_fail "$fault"
    changed "driver loaded: $(loaded_driver)"
  fi
  rm -f "$REBOOT_ASKED" "$REBOOT_WANTED"
}

# judge_module: a reboot is of use only where there is a module for it to load.
judge_module() {
  local version
  version=$(modinfo -F version nvidia 2>/dev/null) ||
    fail "no module of the driver was built for the running kernel" "modinfo finds no nvidia for $(uname -r)" \
      "on the host: dkms status; tail /var/lib/dkms/nvidia*/*/build/make.log; the headers must be of the running kernel, and its compiler there (Oracle's own kernel: the gcc-toolset that /proc/version names)"
  [[ $version == "$in_branch".* ]] ||
    fail "another driver than the wanted branch was installed" "module $version, branch $in_branch" \
      "see where it came from (apt-cache policy, dnf info), remove it, then run up again"
}

reboot_or_fail() { # FAULT
  if [[ -e $REBOOT_ASKED && ! -e $REBOOT_WANTED ]]; then
    rm -f "$REBOOT_ASKED"
    fail "the driver does not answer, also after a reboot" "$1" \
      "on the host: dmesg | grep -e NVRM -e nvidia -e nouveau; lsmod | grep nouveau; mokutil --sb-state"
  fi
  touch "$REBOOT_ASKED" "$REBOOT_WANTED"
  fail "the driver is installed, and a reboot has to load it" "$1$(held_by_nouveau)" \
    "${in_reboot:+npm run up reboots the host by itself; without it: }reboot the host, then run up again: it goes on from here"
}

held_by_nouveau() { if [[ -d /sys/module/nouveau ]]; then printf '; nouveau holds the GPU'; fi; }
