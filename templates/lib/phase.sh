#!/usr/bin/env bash
# Runs one phase on the host: phase.sh VERB [DIR [RUN]]. Sent with each phase; what it needs lies beside it, or in DIR.
# RUN is the folder in which it says how it ended.
set -euo pipefail
shopt -s inherit_errexit nullglob

HERE=${2:-$(cd "$(dirname "$0")" && pwd)}
RUN=${3:-}
STATE=/var/lib/tms-llm
INCOMING=/var/lib/tms-llm-incoming
UNIT=tms-llm-phase
PHASE=$(<"$HERE/phase")
DIGEST=$(<"$HERE/digest")
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
umask 022
# What is asked on loopback goes by no proxy of the host's.
export no_proxy=${no_proxy:+$no_proxy,}127.0.0.1,localhost NO_PROXY=${NO_PROXY:+$NO_PROXY,}127.0.0.1,localhost
# The way out of the host, where it goes by a proxy.
if [[ -e $HERE/environment ]]; then
  # shellcheck source=/dev/null
  source "$HERE/environment"
fi

# submit: as a transient unit, so that a dropped line leaves nothing orphaned and two deployments can't overlap. The run says how
# it ended in a folder of its own, so that no other's end is taken for it.
submit() { # VERB
  local deadline=$((SECONDS + $(<"$HERE/wait-limit"))) log run
  mkdir -p "$STATE/runs"
  # What nobody came to read, since the line was dropped.
  find "$STATE/runs" -mindepth 1 -maxdepth 1 -mmin +1440 -exec rm -rf {} +
  run=$(mktemp -d "$STATE/runs/XXXXXX")
  until log=$(systemd-run --unit="$UNIT" --collect --quiet --wait --description="tms-llm phase $PHASE" \
    --property=RuntimeMaxSec="$(<"$HERE/time-limit")" --property=SyslogIdentifier=tms-llm --property=RuntimeDirectory=httpd-tms-llm \
    bash "$HERE/phase.sh" "$1" "$HERE" "$run" 2>&1); do
    [[ $log == *"already loaded"* || $log == *"already exists"* ]] || break
    if ((SECONDS >= deadline)); then
      log="it waited $(<"$HERE/wait-limit") s for another run on the host to end: $(systemctl show --value --property=Description "$UNIT")"
      break
    fi
    sleep 0.3
  done
  report "$run" "$log"
}

# report: the run's result on standard output; a failure as one message on standard error.
report() { # RUN LOG
  local code=1
  if [[ -s $1/failure-text ]]; then
    cat "$1/failure-text" >&2
  elif [[ ! -e $1/finished ]]; then
    printf 'phase %s did not finish: %s\n  way out: run up again; on the host: journalctl -t tms-llm -n 50\n' "$PHASE" "${2:-it was interrupted}" >&2
  else
    cat "$1/report"
    code=0
  fi
  rm -rf "$1"
  return "$code"
}

apply() {
  local previous=$STATE/phases/$PHASE step began
  mkdir -p "$STATE/phases"
  touch "$STATE/ledger"
  rm -rf "$previous.old"
  if [[ -e $previous ]]; then mv -T "$previous" "$previous.old"; fi
  mv -T "$HERE" "$previous"
  rm -rf "$previous.old"
  mkdir -p "$previous/steps"
  : >"$RUN/report"
  for step in "$previous"/steps/*; do
    began=$(milliseconds)
    progress_step "$step"
    attempt bash "$previous/lib/step.sh" apply "$step" "$PHASE"
    printf '{"step":"%s","changed":%s,"milliseconds":%d}\n' "$(basename "$step" | cut -d- -f2-)" "$(wc -l <"$STATE/run/changed")" \
      $(($(milliseconds) - began)) >>"$RUN/report"
    cat "$STATE/run/results" >>"$RUN/report"
  done
  remove_gone_steps "$previous"
  echo "$DIGEST" >"$previous/done.next"
  mv -T "$previous/done.next" "$previous/done"
  write_digest
  touch "$RUN/finished"
}

# attempt COMMAND…: what a failing command says is the failure of the run.
attempt() {
  if ! "$@" 2>"$RUN/failure-text.next"; then
    [[ -s $RUN/failure-text.next ]] ||
      printf '%s failed without a word\n  way out: on the host: journalctl -t tms-llm -n 50\n' "$(basename "$4")" >"$RUN/failure-text.next"
    cat "$RUN/failure-text.next" >&2
    mv "$RUN/failure-text.next" "$RUN/failure-text"
    exit 1
  fi
  rm -f "$RUN/failure-text.next"
}

# Bash 4.4 has no clock of its own that is finer than a second.
milliseconds() { date +%s%3N; }

progress_step() { printf 'phase %s: %s\n' "$PHASE" "$(<"$1/title")"; }

# remove_gone_steps: a step that this phase had and the plan no longer has takes back all that it made.
remove_gone_steps() {
  local previous=$1
  find "$previous/steps" -mindepth 1 -maxdepth 1 -printf '%f\n' | cut -d- -f2- >"$RUN/steps"
  awk -F'\t' -v phase="$PHASE" 'FILENAME == ARGV[1] { kept[$1] = 1; next } $1 == phase && !($2 in kept)' "$RUN/steps" "$STATE/ledger" >"$RUN/gone"
  [[ ! -s $RUN/gone ]] || attempt bash "$previous/lib/step.sh" take-back "$RUN/gone" "$PHASE"
}

write_digest() {
  local phase
  for phase in $(<"$STATE/phases/$PHASE/all-phases"); do
    if [[ -e $STATE/phases/$phase/done ]]; then printf '%s %s\n' "$phase" "$(<"$STATE/phases/$phase/done")"; fi
  done | sha256sum | cut -d' ' -f1 >"$STATE/digest.next"
  mv -T "$STATE/digest.next" "$STATE/digest"
}

# check: reads only; one JSON line per difference. Only asked of a phase that finished.
check() {
  local step
  for step in "$HERE"/steps/*; do
    bash "$HERE/lib/step.sh" check "$step" "$PHASE"
  done
}

# remove: everything on the ledger, newest first, and then our own state.
remove() {
  touch "$STATE/ledger"
  cp "$STATE/ledger" "$RUN/ledger"
  attempt bash "$HERE/lib/step.sh" take-back "$RUN/ledger" "$PHASE"
  echo '{"removed":true}' >"$RUN/report"
  touch "$RUN/finished"
}

# anchor: the first thing on the host and the last to go. It keeps the remover, and the name of the deployment.
anchor() {
  echo "$DIGEST" >"$HERE/owner"
  # A link comes to be whole or not at all, so of two deployments that come at the same moment one is refused.
  if ! ln "$HERE/owner" "$STATE/owner" 2>/dev/null && [[ $(<"$STATE/owner") != "$DIGEST" ]]; then
    rm -rf "$HERE"
    printf 'this host belongs to another tms-llm deployment: stack %s (%s), since %s\n  way out: destroy that one first, or, when it is lost, on the host: bash %s/remover/phase.sh submit-removal\n' \
      "$(cat "$STATE/remover/stack" 2>/dev/null || echo '?')" "$(<"$STATE/owner")" "$(date -u -r "$STATE/owner" '+%F %R UTC')" "$STATE" >&2
    exit 1
  fi
  rm -rf "$STATE/remover.next"
  cp -a "$HERE" "$STATE/remover.next"
  # At every moment there is one of the two, and a removal takes either.
  if [[ -e $STATE/remover ]]; then
    rm -rf "$STATE/remover.old"
    mv -T "$STATE/remover" "$STATE/remover.old"
  fi
  mv -T "$STATE/remover.next" "$STATE/remover"
  rm -rf "$STATE/remover.old" "$HERE"
  # Artifacts are sent by the one who logs in, and he has no way into our state.
  install -d -m 0700 "$INCOMING"
  chown -R "${SUDO_UID:-0}:${SUDO_GID:-0}" "$INCOMING"
}

case ${1:?submit, apply, check or remove} in
  anchor) anchor ;;
  submit) submit apply ;;
  submit-removal)
    submit remove
    cd /
    rm -rf "$INCOMING"
    # The record of a fixed address stays until the former one is given back.
    find "$STATE" -mindepth 1 -maxdepth 1 ! -name address -exec rm -rf {} +
    rmdir --ignore-fail-on-non-empty "$STATE"
    ;;
  apply) apply ;;
  check) check ;;
  remove) remove ;;
esac
