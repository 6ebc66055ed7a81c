# shellcheck shell=bash disable=SC2154
# Kernels, the running one and the next, and what the driver needs for each: headers to build its modules with, or modules that
# Canonical has built and signed.

# The number of a kernel of the Debian family, as in 6.8.0-1021-aws, 6.12.57+deb12-amd64 of backports, 6.9.3-custom.
KERNEL_NUMBER='[0-9][0-9.]*([+][a-z0-9.]+)?(-[0-9][0-9a-z.]*)?'

kernel_flavour() { # KERNEL
  if [[ $(system_family) == debian ]]; then
    sed -E "s/^$KERNEL_NUMBER-//" <<<"$1"
  elif [[ $1 == *uek* ]]; then
    echo uek
  elif [[ $1 == *+* ]]; then
    # For debugging, for real time.
    echo "${1##*+}"
  else
    echo stock
  fi
}

# next_kernel: the newest one on the disk, where it is not the running one; nothing else. Of another flavour there may be a newer
# one that nobody boots.
next_kernel() {
  local running flavour kernel newest
  running=$(uname -r)
  flavour=$(kernel_flavour "$running")
  newest=$(
    for kernel in "$running" /boot/vmlinuz-*; do
      kernel=${kernel#/boot/vmlinuz-}
      if [[ $kernel == [0-9]* && $kernel != 0-rescue* && $(kernel_flavour "$kernel") == "$flavour" ]]; then echo "$kernel"; fi
    done | sort -V | tail -n 1
  )
  if [[ $newest != "$running" ]]; then echo "$newest"; fi
}

# kernel_meta: what follows linux-image- in the name of the package that brings the running kernel's successors, e.g.
# generic-hwe-24.04; nothing where none is installed, or it is held and brings none. Of several, the one whose kernel is the newest.
kernel_meta() {
  dpkg-query -W -f='${db:Status-Abbrev}\t${Package}\t${Depends}\n' 'linux-image-*' 2>/dev/null |
    awk -F'\t' -v kernel_of="linux-image-(unsigned-)?$KERNEL_NUMBER-$(kernel_flavour "$(uname -r)")( |,|\$)" '
      $1 ~ /^ii/ && $2 !~ /^linux-image-(unsigned-)?[0-9]/ && match($3, kernel_of) {
        kernel = substr($3, RSTART, RLENGTH)
        sub(/^linux-image-(unsigned-)?/, "", kernel)
        print kernel "\t" substr($2, length("linux-image-") + 1)
      }' | sort -V | tail -n 1 | cut -f2
}

# header_names: of the running kernel, and what has the next one's come along.
header_names() {
  local kernel meta headers=$in_headers
  kernel=$(uname -r)
  if [[ $kernel == *uek* ]]; then headers=$in_headers_uek; fi
  if [[ $headers == *"{meta}"* ]]; then
    meta=$(kernel_meta)
    [[ -n $meta ]] || hint_kernel headers
    headers=${headers//"{meta}"/${meta:-"{meta}"}}
  fi
  sed -e '/^$/d' -e '/{meta}/d' -e "s/{kernel}/$kernel/" <<<"$headers"
}

hint_kernel() { # headers|modules
  hint "the next kernel's $1" "no package that brings new kernels is installed (linux-image-…), or it is held, or none of the driver's goes with it" \
    "before booting another kernel install its $1 too; else the GPU is gone until up has run"
}

# ensure_headers: none where no module is built.
ensure_headers() {
  local -a names
  mapfile -t names < <(header_names)
  if ((${#names[@]})); then ensure_packages_in_turn "${names[@]}"; fi
}

# module_names: the modules' packages of the next kernels, the running one, and one that waits for a boot.
module_names() {
  local meta kernel name
  meta=$(kernel_meta)
  # The same kernel in fewer packages.
  name=$in_modules-${meta/#virtual/generic}
  if [[ -n $meta ]] && { package_installed "$name" || package_offered "$name"; }; then echo "$name"; fi
  for kernel in "$(uname -r)" "$(next_kernel)"; do
    name=$in_modules-$kernel
    if [[ -n $kernel ]] && { package_installed "$name" || package_offered "$name"; }; then echo "$name"; fi
  done
}

# ensure_signed_modules: each wants the rest of the driver at its own version. Where that is another one than the held, the set
# goes along, unless that would take a GPU that works away until a reboot.
ensure_signed_modules() {
  local name
  local -a names missing=() members
  [[ -n $in_modules ]] || return 0
  mapfile -t names < <(module_names)
  [[ " ${names[*]} " =~ " $in_modules-"[a-z] ]] || hint_kernel modules
  # The message of the package manager names what is not to be had.
  ((${#names[@]})) || names=("$in_modules-$(uname -r)")
  for name in "${names[@]}"; do
    package_installed "$name" || missing+=("$name")
  done
  mapfile -t members < <(member_names)
  if ((${#missing[@]} && ${#members[@]})) && ! package_fits "${missing[@]}"; then
    if [[ -z $in_reboot && -z $(driver_fault) ]]; then
      foreign "modules of the next kernel" "of the driver's version" "of a newer one: ${missing[*]}" \
        "when the engine may stop: apt-get install --allow-change-held-packages ${missing[*]} ${members[*]}; reboot; then run up. With gpu.reboot, up does all of it"
      progress "  ${missing[*]}: wait, since they need a newer driver, and a reboot"
      return 0
    fi
    if [[ $VERB == apply ]]; then
      mapfile -t names < <(going_forward "$(printf '%s\n' "${names[@]}" | sed -n "/^$in_modules-[a-z]/p")" "${missing[@]}")
      mapfile -t missing < <(with_kernel "${names[@]}")
      upgrade_packages "${missing[@]}" "${members[@]}"
    fi
  elif [[ $VERB == apply && " ${missing[*]} " =~ " $in_modules-"[a-z] ]]; then
    mapfile -t missing < <(with_kernel "${missing[@]}")
    install_packages "${missing[@]}"
  fi
  ensure_packages_in_turn "${names[@]}"
}

# with_kernel NAME…: these; and with the meta package of the modules, the kernel's own. The former alone might bring a newer
# kernel without the drivers that are in a package of their own, and the host would boot it without a network.
with_kernel() {
  local meta
  printf '%s\n' "$@"
  [[ " $* " =~ " $in_modules-"[a-z] ]] || return 0
  meta=$(kernel_meta)
  if [[ -n $meta ]]; then echo "linux-image-$meta"; fi
}

# going_forward META NAME…: these; or META alone, where the newest driver has no modules for them any more: then a reboot into the
# next kernel is due.
going_forward() {
  local meta=$1
  local -a members
  shift
  mapfile -t members < <(member_names)
  if [[ -n $meta ]] && ! package_fits --allow-change-held-packages "$@" "${members[@]}" &&
    package_fits --allow-change-held-packages "$meta" "${members[@]}"; then
    echo "$meta"
  else
    printf '%s\n' "$@"
  fi
}

module_of() { modinfo -k "$1" -F version nvidia 2>/dev/null; }

# ensure_built_module: DKMS builds for a kernel when it comes, unless its headers came later or not at all.
ensure_built_module() {
  local next headers
  next=$(next_kernel)
  if [[ -n $in_modules || -z $next ]] || module_of "$next" >/dev/null; then return 0; fi
  headers=$(if [[ $next == *uek* ]]; then echo "$in_headers_uek"; else echo "$in_headers"; fi | sed -n "s/{kernel}/$next/p")
  if package_installed "$headers" || ! package_offered "$headers"; then
    foreign "module of the next kernel, $next" "built" "not built, with $headers $(if package_installed "$headers"; then echo installed; else echo "not to be had"; fi)" \
      "dkms autoinstall -k $next; then see why: /var/lib/dkms/nvidia*/*/build/make.log"
    return 0
  fi
  difference "module of the next kernel, $next" "built" "$headers is not installed"
  if [[ $VERB == apply ]]; then
    ensure_package "$headers"
    build_module "$next"
  fi
}

# build_module KERNEL: whether it went well is seen by the module.
build_module() {
  progress "  build the module for $1"
  dkms autoinstall -k "$1" >"$RUN_DIR/dkms.log" 2>&1 || progress "  DKMS: $(tail -n 1 "$RUN_DIR/dkms.log")"
}
