# shellcheck shell=bash
# Packages of the Debian family, by apt and dpkg.

apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null; }

# Three letters: what is wanted of it, what it is, whether dpkg can go on from there.
package_state() { dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null; }

package_installed() { [[ $(package_state "$1") == [ih]i* ]]; }

POLICY=/usr/sbin/policy-rc.d

# On the ledger, so that one that a killed run left is taken back like everything else.
hold_services_back() {
  [[ ! -e $POLICY ]] || return 0
  own file "$POLICY" absent
  printf '#!/bin/sh\n# Services start when their configuration is there, not when they are unpacked (tms-llm).\nexit 101\n' >"$(candidate_of "$POLICY")"
  chmod 0755 "$(candidate_of "$POLICY")"
  mv -T "$(candidate_of "$POLICY")" "$POLICY"
}

settle_packages() { let_services_start; }

# fail_packages WHAT: the host's own packages may start their services again until the next run.
fail_packages() {
  let_services_start
  fail "$1" "$(tail -n 5 "$RUN_DIR/apt.log")" "see the last lines above; correct the host's package state, then run the command again"
}

let_services_start() {
  owned file "$POLICY" || return 0
  restore_before "$POLICY" absent
  disown_line file "$POLICY"
}

# finish_package_work: what a killed dpkg left half done stands in the way of everything else.
finish_package_work() {
  hold_services_back
  dpkg --configure -a >"$RUN_DIR/apt.log" 2>&1 || fail_packages "dpkg --configure -a"
}

# apt names to own-packages.sh what it is about to unpack, dependencies included. Asking it beforehand would take half a second.
apt_install() { # NAME…
  local downgrades=''
  # A version that is named may be an older one than the installed.
  if [[ " $*" == *=* ]]; then downgrades=--allow-downgrades; fi
  # The packages' scripts would each have systemd read all its units again; once is enough.
  PHASE=$PHASE STEP=$STEP RUN_DIR=$RUN_DIR SYSTEMD_OFFLINE=1 apt_get install --no-install-recommends ${downgrades:+"$downgrades"} \
    -o "DPkg::Pre-Install-Pkgs::=bash $LIB/own-packages.sh" "$@" &&
    systemctl daemon-reload
}

install_packages() {
  local log=$RUN_DIR/apt.log
  progress "  install $*"
  finish_package_work
  # There may be no lists of packages yet, or aged ones, which name files that the mirror no longer has.
  if ! apt_install "$@" >"$log" 2>&1; then
    { apt_get update && apt_install "$@"; } >>"$log" 2>&1 || fail_packages "packages $*"
  fi
  let_services_start
  changed "packages $*"
}

# upgrade_packages NAME…: to what is offered, or to NAME=VERSION, also what is held. dpkg takes the hold off what it unpacks. What
# a killed run left of it is no obstacle.
upgrade_packages() {
  local log=$RUN_DIR/apt.log
  local -a wanted=(--fix-broken --allow-change-held-packages "$@")
  progress "  upgrade $*"
  hold_services_back
  if ! dpkg --configure -a >"$log" 2>&1; then progress "  a run that was killed left some of them half done"; fi
  if ! apt_install "${wanted[@]}" >>"$log" 2>&1; then
    { apt_get update && apt_install "${wanted[@]}"; } >>"$log" 2>&1 || fail_packages "upgrade of the packages $*"
  fi
  let_services_start
  changed "packages $*"
}

remove_packages() {
  local name state needers
  local -a present=() broken=()
  for name in "$@"; do
    state=$(package_state "$name") || continue
    present+=("$name")
    [[ $state != ?H* && $state != ??R ]] || broken+=("$name")
  done
  ((${#present[@]})) || return 0
  finish_package_work
  # Of a package that a kill left half unpacked or half removed, dpkg knows the files only when it has unpacked it whole.
  if ((${#broken[@]})) && ! apt_get install --no-install-recommends "${broken[@]}" >"$RUN_DIR/apt.log" 2>&1; then
    progress "  ${broken[*]}: half unpacked, and the archive is not to be had; some files may stay"
  fi
  needed_elsewhere "${present[@]}" >"$RUN_DIR/needed-elsewhere"
  while IFS=$'\t' read -r name needers; do
    progress "  $name: stays, since others have come to need it: $needers"
  done <"$RUN_DIR/needed-elsewhere"
  mapfile -t present < <(printf '%s\n' "${present[@]}" | grep -vxFf <(cut -f1 "$RUN_DIR/needed-elsewhere"))
  ((${#present[@]})) || return 0
  package_removal "${present[*]}" apt_get -o Dpkg::Options::=--force-remove-reinstreq purge "${present[@]}"
  # Of what an earlier, killed removal took away apt no longer asks for the configuration.
  local -a left=()
  for name in "${present[@]}"; do
    if [[ $(package_state "$name") != ?n* ]]; then left+=("$name"); fi
  done
  if ((${#left[@]})); then package_removal "${left[*]}" dpkg --force-remove-reinstreq --purge "${left[@]}"; fi
}

# needed_elsewhere NAME…: those of them that packages of others need, and what these need in turn, each with who needs it after
# a tab. apt would take the others away too, or bring something new in their place; dpkg refuses, and says why.
needed_elsewhere() {
  local refusal needed
  local -a rest=("$@")
  while ((${#rest[@]})) && ! refusal=$(dpkg --simulate --force-remove-reinstreq --purge "${rest[@]}" 2>&1); do
    needed=$(awk '
      / prevent removal of / { name = $NF; sub(/:.*/, "", name); needers[name] = needers[name] }
      / depends on / || / pre-depends on / {
        needer = $1; sub(/:.*/, "", needer)
        if (index(needers[name] " ", " " needer " ") == 0) needers[name] = needers[name] " " needer
      }
      END { for (name in needers) print name "\t" substr(needers[name], 2) }' <<<"$refusal")
    [[ -n $needed ]] || fail "removal of the packages ${rest[*]}" "$refusal" "correct the host's package state by hand, then run the command again"
    printf '%s\n' "$needed"
    mapfile -t rest < <(printf '%s\n' "${rest[@]}" | grep -vxFf <(cut -f1 <<<"$needed"))
  done
}

package_removal() { # NAMES COMMAND…
  "${@:2}" >"$RUN_DIR/apt.log" 2>&1 || fail_packages "removal of the packages $1"
}

hold_package() { apt-mark hold "$1" >/dev/null; }
release_package() { apt-mark unhold "$1" >/dev/null; }
package_held() { [[ $(package_state "$1") == h* ]]; }

package_offered() { [[ -n $(apt-cache madison "$1" 2>/dev/null) ]]; }
package_fits() { apt_get install --simulate --no-install-recommends "$@" >/dev/null 2>&1; }

offered_version() { # NAME RELEASE
  apt-cache madison "$1" | awk -v wanted="$2" '
    { release = $3; sub(/^[0-9]+:/, "", release); sub(/-.*/, "", release) }
    release == wanted && !found { print $3; found = 1 }'
}

newer_packages() { # NAME…
  local name installed offered kind
  LC_ALL=C apt-cache policy "$@" | awk -v OFS='\t' '
    function tell() { if (name != "" && candidate != installed) print name, installed, candidate, (security ? "security" : "-") }
    /^[^ ].*:$/ { tell(); name = $1; sub(/:$/, "", name); security = 0; row = "" }
    /^  Installed: / { installed = $2 }
    /^  Candidate: / { candidate = $2 }
    /^( \*\*\*|    ) [^ ]/ { row = ($1 == "***") ? $2 : $1 }
    /^        / && row == candidate && /[-\/][Ss]ecurity/ { security = 1 }
    END { tell() }' |
    while IFS=$'\t' read -r name installed offered kind; do
      if dpkg --compare-versions "$offered" gt "$installed"; then printf '%s\t%s\t%s\t%s\n' "$name" "$installed" "$offered" "$kind"; fi
    done
}

package_version() { if package_installed "$1"; then dpkg-query -W -f='${Version}' "$1"; fi; }
package_at() { echo "$1=$2"; }
