#!/usr/bin/env bash
# Sets the fixed address that lies beside this script as the step `address` has laid it out, or gives the former one back, such
# that nobody is locked out: address-switch.sh VERB.
#   state           how things stand, as a line of JSON
#   taken           exit code 0 where files of the host say something of ours
#   differences     what is not as laid out, a line each: what, expected, found
#   begin SECONDS   tries it; the host goes back by itself unless it is confirmed in that time
#   confirm TOKEN   keeps it; asked over the new address by the machine that deploys
#   switch, revert  the parts of a trial, run by systemd
# What is tried lies in /run alone, where netplan and NetworkManager look too, so a reboot ends a trial as well.
set -euo pipefail
shopt -s inherit_errexit nullglob
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
umask 077

HOME_DIR=/var/lib/tms-llm/address
TRIAL=/run/tms-llm-address
SWITCH_UNIT=tms-llm-address
REVERT_UNIT=tms-llm-address-revert
# Longest time until an interface has its addresses, in seconds.
LONGEST_SETTLING=30
SETTINGS=$(dirname "$0")/settings
manager='' path='' interface='' addresses=''
# shellcheck source=/dev/null
source "$SETTINGS"
# shellcheck source=/dev/null
source "$(dirname "$0")/$manager.sh"

goal() { if [[ -e $HOME_DIR/give-back ]]; then echo former; else echo fixed; fi; }

# Questions

# With a lifetime it is DHCP's; tentative or failed it is not in use.
static_addresses() { ip -o address show dev "$interface" | awk '!/ (dynamic|tentative|dadfailed)( |\\)/ { print $4 }'; }
global_addresses() { ip -o address show dev "$interface" scope global | awk '!/ (tentative|dadfailed|temporary|deprecated)( |\\)/ { sub("/.*", "", $4); print $4 }'; }

missing_addresses() { comm -13 <(static_addresses | sort) <(sort <<<"$addresses"); }

taken() { [[ -e $HOME_DIR/before ]] && { [[ -e $path ]] || says_ours; }; }

differences() {
  local missing file others=''
  if ! as_planned; then
    printf 'file %s\tas planned\t%s\n' "$path" "$(if [[ -e $path ]]; then echo 'another one'; else echo absent; fi)"
  elif [[ $(stat -c '%U:%G %a' "$path") != 'root:root 600' ]]; then
    printf 'file %s\troot:root 600\t%s\n' "$path" "$(stat -c '%U:%G %a' "$path")"
  fi
  missing=$(missing_addresses | paste -sd' ')
  if [[ -n $missing ]]; then
    printf 'address of %s\t%s\t%s\n' "$interface" "$missing" "$(global_addresses | paste -sd' ' | grep . || echo none)"
  fi
  others=$(others)
  for file in $others; do
    printf 'file %s\tno address of %s beside the fixed one\tone more\n' "$file" "$interface"
  done
}

# For the part that speaks with the manager; shellcheck cannot see who calls them.
# shellcheck disable=SC2317
# replace FILE SOURCE: atomic; owner and mode stay those of FILE.
replace() {
  cp -a -- "$1" "$(candidate_of "$1")"
  cat -- "$2" >"$(candidate_of "$1")"
  mv -T -- "$(candidate_of "$1")" "$1"
}

# shellcheck disable=SC2317
# put_ours SOURCE: what we own is for root alone.
put_ours() {
  install -T -o root -g root -m 0600 -- "$1" "$(candidate_of "$path")"
  mv -T -- "$(candidate_of "$path")" "$path"
}

# shellcheck disable=SC2317
# Neither netplan nor NetworkManager reads a file with this ending.
candidate_of() { printf '%s/.%s.tms-llm' "${1%/*}" "${1##*/}"; }

runs() { systemctl is-active --quiet "$REVERT_UNIT.timer" "$REVERT_UNIT.service" "$SWITCH_UNIT.service"; }

# state, as JSON. Only words of ours, names and addresses, so nothing has to be escaped; what others said is cleaned.
state() {
  local now found last=''
  found=$(differences)
  if [[ -e $TRIAL ]] && runs; then
    now=trying
  elif [[ $(goal) == fixed && -z $found ]]; then
    now=settled
  else
    now=wanted
  fi
  if [[ -e $HOME_DIR/outcome ]]; then last=$(paste -sd' ' "$HOME_DIR/outcome" | tr '\t' ' ' | tr -d '"\\\000-\037'); fi
  printf '{"state":"%s","goal":"%s","interface":"%s","reach":[%s],"last":"%s"}\n' "$now" "$(goal)" "$interface" "$(reach)" "$last"
}

# Where the host will be reached.
reach() {
  if [[ $(goal) == fixed ]]; then sed 's/\/.*//' <<<"$addresses"; else cat "$HOME_DIR/before/addresses"; fi | sed 's/.*/"&"/' | paste -sd,
}

refuse() {
  echo "$1" >&2
  exit 1
}

# A trial

begin() { # SECONDS
  local token
  if [[ -e $TRIAL ]]; then
    if runs; then refuse "an address is being tried on this host at this moment; it ends by itself within two minutes"; fi
    # Its run was killed before it was armed, or its timer was taken away.
    revert
  fi
  if systemctl is-active --quiet tms-llm-phase.service; then refuse "a phase of a deployment is at work on this host"; fi
  token=$(</proc/sys/kernel/random/uuid)
  rm -rf "$TRIAL.next" "$HOME_DIR/outcome"
  mkdir -p "$TRIAL.next/files"
  cp -- "$(dirname "$0")"/{settings,*.sh,*.py} "$TRIAL.next/"
  goal >"$TRIAL.next/goal"
  echo "$token" >"$TRIAL.next/token"
  if [[ $(goal) == fixed ]]; then remember_before; fi
  prepare_trial "$TRIAL.next"
  mv -T "$TRIAL.next" "$TRIAL"
  # Of a trial whose end was killed.
  stop_active "$REVERT_UNIT.timer" "$REVERT_UNIT.service"
  # Tried again when it fails or is killed: nothing else would bring the host back.
  systemd-run --quiet --collect --unit="$REVERT_UNIT" --on-active="$1" --timer-property=AccuracySec=100ms \
    --property=Restart=on-failure --property=RestartSec=5 --property=SyslogIdentifier=tms-llm \
    --description="the former address, unless the new one is confirmed" \
    sh -c "[ ! -e $TRIAL ] || exec bash $TRIAL/switch.sh revert"
  # The answer goes out before the line is cut.
  systemd-run --quiet --collect --unit="$SWITCH_UNIT" --on-active=1 --timer-property=AccuracySec=100ms \
    --property=SyslogIdentifier=tms-llm --description="the new address" bash "$TRIAL/switch.sh" switch
  printf '{"token":"%s"}\n' "$token"
}

# remember_before: once, as long as nothing of ours is in force.
remember_before() {
  if taken; then return 0; fi
  rm -rf "$HOME_DIR/before" "$HOME_DIR/before.next"
  mkdir -p "$HOME_DIR/before.next"
  global_addresses >"$HOME_DIR/before.next/addresses"
  keep_connection "$HOME_DIR/before.next"
  mv -T "$HOME_DIR/before.next" "$HOME_DIR/before"
}

switch() {
  echo "trying the address: $(<"$TRIAL/goal")"
  if ! apply_trial "$(<"$TRIAL/goal")" 2>"$TRIAL/errors"; then
    give_up "$manager refused it: $(tail -n 5 "$TRIAL/errors")"
  elif ! wait_for_addresses; then
    give_up "$interface did not get it within $LONGEST_SETTLING s; it had $(global_addresses | paste -sd' ' | grep . || echo none)"
  else
    echo in-force >"$TRIAL/state"
  fi
}

give_up() {
  echo "$1" | tee "$TRIAL/why"
  systemctl start --no-block "$REVERT_UNIT.service"
}

wait_for_addresses() {
  local deadline=$((SECONDS + LONGEST_SETTLING))
  # Taken away and given anew; what is seen before that is the former state.
  sleep 1
  until arrived; do
    ((SECONDS < deadline)) || return 1
    sleep 0.2
  done
}

arrived() {
  if [[ $(<"$TRIAL/goal") == fixed ]]; then [[ -z $(missing_addresses) ]]; else [[ -n $(global_addresses) ]]; fi
}

confirm() { # TOKEN
  exec 9>"$TRIAL.lock"
  flock 9
  if [[ ! -e $TRIAL/token || $(<"$TRIAL/token") != "$1" ]]; then
    echo '{"confirmed":"gone"}'
  elif [[ ! -e $TRIAL/state ]]; then
    echo '{"confirmed":"not yet"}'
  else
    commit_trial "$(<"$TRIAL/goal")"
    rm -f "$HOME_DIR/outcome"
    if [[ $(<"$TRIAL/goal") == former ]]; then
      rm -rf "$HOME_DIR"
      rmdir --ignore-fail-on-non-empty "${HOME_DIR%/*}"
    fi
    end_trial
    sync
    echo '{"confirmed":"yes"}'
  fi
}

revert() {
  exec 9>"$TRIAL.lock"
  flock 9
  [[ -e $TRIAL ]] || return 0
  echo "going back to the former address"
  stop_active "$SWITCH_UNIT.timer" "$SWITCH_UNIT.service"
  revert_trial
  if [[ -d $HOME_DIR ]]; then
    if [[ -e $TRIAL/why ]]; then cat "$TRIAL/why"; else echo "nobody confirmed it in time"; fi >"$HOME_DIR/outcome"
  fi
  end_trial
}

end_trial() {
  stop_active "$REVERT_UNIT.timer"
  rm -rf "$TRIAL.over"
  mv -T "$TRIAL" "$TRIAL.over"
  rm -rf "$TRIAL.over"
}

stop_active() { # UNIT…
  local unit
  for unit in "$@"; do
    case $(systemctl is-active "$unit") in
      inactive | failed | unknown) ;;
      *) systemctl stop "$unit" ;;
    esac
  done
}

# In braces, so that it is read to its end before it runs: what it is asked to do may remove it.
{
  case ${1:?state, taken, differences, begin, confirm, switch or revert} in
    state) state ;;
    taken) taken ;;
    differences) differences ;;
    begin) begin "$2" ;;
    confirm) confirm "$2" ;;
    switch) switch ;;
    revert) revert ;;
  esac
  exit
}
