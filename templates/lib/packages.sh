# shellcheck shell=bash
# Packages: what is wanted, and the ledger. How a package comes and goes is told by packages-apt.sh or packages-dnf.sh:
#   package_installed NAME      is it there whole?
#   install_packages NAME…      with each new one on the ledger, dependencies included, before it is unpacked
#   remove_packages NAME…       exactly these, with their configuration
#   settle_packages             ends what a run that was killed among them left
#   hold_package NAME           keeps it at its version, also from unattended upgrades
#   release_package NAME        undoes that
#   package_held NAME           is it kept so?
#   package_version NAME        the one that is there, or nothing
#   package_at NAME VERSION     how the package manager names that version
#   package_offered NAME        does a repository of the host's have it?
#   offered_version NAME RELEASE  the whole version that is offered of a release, e.g. of 580.95.05; or nothing
#   newer_packages NAME…        held or not: name, version, what is offered, "security" or "-"; by the lists as they are
# and for apt alone:
#   package_fits NAME…          can they be installed with what is held as it is?
#   upgrade_packages NAME…      to what is offered, also what is held, which has to be held again

# By what the system says of itself: a program of the other family may well be there, to build packages with.
source_package_manager() {
  case $(system_family) in
    debian)
      # shellcheck source=/dev/null
      source "$LIB/packages-apt.sh"
      ;;
    rhel)
      # shellcheck source=/dev/null
      source "$LIB/packages-dnf.sh"
      ;;
    *) fail "this system's packages" "no family that is known: $(head -n 1 /etc/os-release)" "deploy to a system that preflight accepts" ;;
  esac
}

# ensure_package NAME…
ensure_package() {
  local name
  local -a missing=() owned_packages=()
  [[ $VERB == check ]] || settle_packages
  for name in "$@"; do
    package_installed "$name" || missing+=("$name")
  done
  if ((${#missing[@]})); then
    difference "packages" "${missing[*]} installed" "not installed"
    if [[ $VERB == apply ]]; then install_packages "${missing[@]}"; fi
  fi
  mapfile -t owned_packages < <(awk -F'\t' -v step="$STEP" '$2 == step && $3 == "package" { print $4 }' "$LEDGER")
  for name in "${owned_packages[@]}"; do own package "$name" absent; done
}

# owns_packages: has this step installed any?
owns_packages() { awk -F'\t' -v step="$STEP" '$2 == step && $3 == "package" { found = 1 } END { exit !found }' "$LEDGER"; }

# ensure_packages_at VERSION NAME…: packages that go together, all of one version.
ensure_packages_at() {
  local version=$1 name
  local -a wanted=()
  shift
  [[ $VERB == check ]] || settle_packages
  for name in "$@"; do
    if [[ $(package_version "$name") != "$version" ]]; then
      difference "package $name" "$version" "$(package_version "$name")"
      wanted+=("$(package_at "$name" "$version")")
      if [[ $VERB == apply ]] && package_installed "$name" && package_held "$name"; then release_package "$name"; fi
    fi
  done
  if [[ $VERB == apply ]] && ((${#wanted[@]})); then install_packages "${wanted[@]}"; fi
  while read -r name; do own package "$name" absent; done < <(awk -F'\t' -v step="$STEP" '$2 == step && $3 == "package" { print $4 }' "$LEDGER")
}

# What dnf needs to hold packages.
ensure_hold_tool() {
  if [[ $(system_family) == rhel ]]; then ensure_package python3-dnf-plugin-versionlock; fi
}

# ensure_hold NAME…: kept at their versions; one that was held before stays held when we go.
ensure_hold() {
  local name
  for name in "$@"; do
    if ! package_held "$name"; then
      difference "package $name" "held at its version" "not held"
      if [[ $VERB == apply ]]; then
        own hold "$name" absent
        hold_package "$name"
        changed "hold of $name"
      fi
    fi
    if owned hold "$name"; then own hold "$name" absent; fi
  done
}

undo_hold() {
  if package_held "$1"; then release_package "$1"; fi
}
