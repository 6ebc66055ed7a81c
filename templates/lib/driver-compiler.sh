# shellcheck shell=bash disable=SC2154
# The compiler for a kernel's modules. Oracle builds its own kernel with a newer gcc than the system's, whose options that one
# does not know; the same gcc is in the system's repositories, away from the path.

# gcc_release TEXT: the major release of the gcc that a kernel says it was built by; nothing for another compiler. Kernels before
# 5.x have the number after the word "version".
gcc_release() { sed -nE -e 's/^.*gcc[^ ()]* \([^)]*\) ([0-9]+)\..*$/\1/p;t' -e 's/^.*gcc version ([0-9]+)\..*$/\1/p' <<<"$1"; }

# compiler_text KERNEL: as its headers have it, else as the running one says.
compiler_text() {
  sed -n 's/^CONFIG_CC_VERSION_TEXT="\(.*\)"$/\1/p' "/lib/modules/$1/build/.config" 2>/dev/null | grep . || cat /proc/version
}

# ensure_kernel_compiler: before DKMS builds for the first time. Where the compiler is not to be had the build is tried without.
ensure_kernel_compiler() {
  local kernel release
  [[ -n $in_compiler ]] || return 0
  kernel=$(uname -r)
  release=$(gcc_release "$(compiler_text "$kernel")")
  [[ -n $release ]] && ((release > in_compiler)) || return 0
  if ! package_installed "gcc-toolset-$release-gcc" && ! package_offered "gcc-toolset-$release-gcc"; then
    progress "  the kernel was built by gcc $release, and no repository of the host has gcc-toolset-$release-gcc"
    return 0
  fi
  ensure_package "gcc-toolset-$release-gcc" "gcc-toolset-$release-binutils"
  # NVIDIA's module has one of these names, by the release of its package.
  ensure_dkms_path nvidia "$kernel" "$release"
  ensure_dkms_path nvidia-open "$kernel" "$release"
}

ensure_dkms_path() { # MODULE KERNEL RELEASE
  local path=/etc/dkms/$1.conf
  if [[ -e $path ]] && ! owned file "$path"; then
    progress "  $path is somebody else's, and stays as it is"
    return 0
  fi
  if [[ -e $path ]] && ! dkms_conf "$2" "$3" | cmp -s - "$path"; then
    difference "file $path" "gcc-toolset-$3" "another compiler"
    [[ $VERB == check ]] || rm -f -- "$path"
  fi
  if [[ $VERB == apply ]]; then mkdir -p /etc/dkms; fi
  ensure_command_output "$path" root:root 0644 -- dkms_conf "$2" "$3"
}

# DKMS reads framework.conf in a shell of its own and takes over the variables that it knows, to which PATH does not belong. The
# command of the build is one, and what this file says comes after the module's own dkms.conf.
dkms_conf() { # KERNEL RELEASE
  local kernels=$1
  if [[ $kernels == *uek* ]]; then kernels='*uek*'; fi
  printf '%s\n' \
    "# Kernels that a newer gcc than the system's has built (tms-llm)." \
    "if [[ \$kernelver == $kernels ]]; then" \
    "  MAKE[0]=\"export PATH=/opt/rh/gcc-toolset-$2/root/usr/bin:\\\$PATH; \${MAKE[0]}\"" \
    "fi"
}
