# shellcheck shell=bash disable=SC2154
# NVIDIA's driver of one branch, held at its version, loaded. A driver that works already, of whomever, is left alone.

step() {
  local -a packages
  if ! owns_packages && [[ -z $(driver_fault) ]]; then
    progress "  a driver is there and works: $(loaded_driver)"
    return 0
  fi
  ensure_file /etc/modprobe.d/tms-llm-nouveau.conf
  if [[ -n $in_url ]]; then ensure_repository "$in_list" "$in_url" "$in_keyring" "$in_key" "$in_fingerprint"; fi
  if [[ -n $in_contrib ]]; then ensure_contrib; fi
  if [[ -n $in_epel ]] && ! has_dkms; then ensure_package "$in_epel"; fi
  if [[ -n $in_stream ]]; then ensure_dnf_module "$in_stream"; fi
  # What modules are built with comes first, since they are built when their package comes.
  ensure_headers
  ensure_kernel_compiler
  ensure_one_version
  ensure_signed_modules
  mapfile -t packages < <(package_names)
  # One after the other: the first may decide which version the next ones are of.
  ensure_packages_in_turn "${packages[@]}"
  ensure_held
  ensure_loaded
  ensure_built_module
  hint_updates
}

loaded_driver() { nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | paste -sd';'; }
has_dkms() { package_installed dkms || dnf_run list --available dkms >/dev/null 2>&1; }

# package_names: what is planned; or what an earlier release of ours planned, where that is installed. To replace packages below a
# running engine would gain nothing.
package_names() {
  local name
  while read -r name; do
    if [[ -z $name ]] || ! owned package "$name" || ! package_installed "$name"; then
      echo "$in_packages"
      return 0
    fi
  done <<<"$in_former"
  echo "$in_former"
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

# Written before a reboot is asked for. The second one is in memory: where it is gone, the host was rebooted since.
REBOOT_ASKED=$STATE/driver-reboot-asked
REBOOT_WANTED=/run/tms-llm-reboot-wanted

# The fabric of NVSwitches is the next step's, which needs the driver.
ensure_loaded() {
  local fault
  fault=$(driver_fault)
  if [[ $VERB == check ]]; then
    [[ -z $fault ]] || difference "NVIDIA driver" "answers" "$fault"
    return 0
  fi
  if [[ -n $fault ]]; then
    judge_module "$fault"
    progress "  load the driver"
    if modprobe nvidia >"$RUN_DIR/modprobe.log" 2>&1; then make_gpu_files; fi
    fault=$(driver_fault)
    [[ -z $fault ]] || reboot_or_fail "$fault"
    changed "driver loaded: $(loaded_driver)"
  fi
  rm -f "$REBOOT_ASKED" "$REBOOT_WANTED"
}

# judge_module: a reboot is of use only where there is a module for it to load.
judge_module() { # FAULT
  local version kernel next
  kernel=$(uname -r)
  next=$(next_kernel)
  if ! module_of "$kernel" >/dev/null && [[ -z $in_modules ]] && command -v dkms >/dev/null; then build_module "$kernel"; fi
  if ! version=$(module_of "$kernel"); then
    if [[ -n $next ]] && module_of "$next" >/dev/null; then reboot_or_fail "$1; the module is for kernel $next, and $kernel runs"; fi
    fail "no module of the driver was built for the running kernel" "modinfo finds no nvidia for $kernel" \
      "on the host: dkms status; tail /var/lib/dkms/nvidia*/*/build/make.log; the headers must be of the running kernel, and its compiler there (Oracle's own kernel: the gcc-toolset that /proc/version names); or boot a kernel for which there is a module"
  fi
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
