# shellcheck shell=bash disable=SC2154
# The driver's packages as a set: libraries, programs and the kernel modules' common part, of one version and held at it.

# driver_set: what the step has installed of it. The modules of Canonical's kernels come and go with these kernels, so they are
# not held; each wants the rest of the set at its own version.
driver_set() {
  awk -F'\t' -v step="$STEP" '$2 == step && $3 == "package" && $4 ~ /nvidia|cuda/ && $4 !~ /^linux-/ { print $4 }' "$LEDGER"
}

# ensure_held: an upgrade beside the loaded module would leave libraries of another version, and no GPU until a reboot.
# Headers are not held: the next kernel needs its own.
ensure_held() {
  local -a set
  ensure_hold_tool
  mapfile -t set < <(driver_set)
  ensure_hold "${set[@]}"
}

# driver_members: name and version of those that carry the driver's version, with "-" for one that is not whole. Some carry one
# of their own, and some their version in their name, so that two lie side by side.
driver_members() {
  local name version
  while read -r name; do
    version=$(dpkg-query -W -f='${db:Status-Status} ${Version}' "$name" 2>/dev/null) || continue
    [[ ${version#* } =~ ^([0-9]+:)?("$in_branch"\.[0-9.]+) && $name != *"${BASH_REMATCH[2]}"* ]] || continue
    case ${version%% *} in
      installed) echo "$name ${BASH_REMATCH[2]}" ;;
      not-installed | config-files) ;;
      *) echo "$name -" ;;
    esac
  done < <(driver_set)
}

member_names() { driver_members | cut -d' ' -f1; }

# ensure_one_version: a run that was killed in an upgrade leaves some members behind. rpm's transactions are ended elsewhere.
ensure_one_version() {
  local versions
  local -a members
  [[ $(system_family) == debian ]] || return 0
  versions=$(driver_members | cut -d' ' -f2 | sort -u | paste -sd' ')
  if [[ $versions == *" "* || $versions == - ]]; then
    difference "the driver's packages" "of one version" "${versions//-/half installed}"
    mapfile -t members < <(member_targets)
    [[ $VERB == check ]] || upgrade_packages "${members[@]}"
  fi
}

# member_targets: the members at the version of the running kernel's module, or at the newest where there is none.
member_targets() {
  local name module version
  module=$(module_of "$(uname -r)") || module=
  while read -r name; do
    version=$(offered_version "$name" "$module")
    echo "$name${version:+=$version}"
  done < <(member_names)
}

# hint_updates: what is held gets no updates by itself, not even those of its security.
hint_updates() {
  local name installed offered kind what="a newer release of the held driver" versions='' command
  local -a set names=()
  mapfile -t set < <(driver_set)
  [[ $VERB == check && ${#set[@]} -gt 0 ]] || return 0
  while IFS=$'\t' read -r name installed offered kind; do
    names+=("$name")
    versions=${versions:-"$offered is offered, $installed is installed"}
    [[ $kind != security ]] || what="a security update of the held driver"
  done < <(newer_packages "${set[@]}")
  ((${#names[@]})) || return 0
  # Signed modules want the same version.
  if [[ -n $in_modules ]]; then mapfile -t -O "${#names[@]}" names < <(module_names | sed -n "/^$in_modules-[a-z]/p"); fi
  if [[ $(system_family) == debian ]]; then
    command="apt-get install --only-upgrade --allow-change-held-packages ${names[*]}"
  else
    command="dnf versionlock delete ${names[*]}; dnf upgrade ${names[*]}"
  fi
  hint "$what" "$versions" "when the engine may stop, on the host as root: $command; reboot; then run up, which holds them again"
}
