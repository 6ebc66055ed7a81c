#!/usr/bin/env bash
# Runs one phase on the host: phase.sh VERB [DIR]. Sent with each phase; what it needs lies beside it, or in DIR.
set -euo pipefail
shopt -s inherit_errexit nullglob

HERE=${2:-$(cd "$(dirname "$0")" && pwd)}
STATE=/var/lib/tms-llm
UNIT=tms-llm-phase
PHASE=$(<"$HERE/phase")
DIGEST=$(<"$HERE/digest")
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
umask 022
# The way out of the host, where it goes by a proxy.
if [[ -e $HERE/environment ]]; then
  # shellcheck source=/dev/null
  source "$HERE/environment"
fi

# submit: as a transient unit, so that a dropped line leaves nothing orphaned and two deployments can't overlap.
submit() {
  local deadline=$((SECONDS + 3600)) log
  until log=$(systemd-run --unit="$UNIT" --collect --quiet --wait --description="tms-llm phase $PHASE" \
    --property=RuntimeMaxSec="$(<"$HERE/time-limit")" --property=SyslogIdentifier=tms-llm --property=RuntimeDirectory=httpd-tms-llm \
    bash "$HERE/phase.sh" "$1" 2>&1); do
    [[ $log == *"already loaded"* || $log == *"already exists"* ]] || break
    ((SECONDS < deadline)) || break
    sleep 0.3
  done
  report "$log"
}

# report: the phase's result on standard output; a failure as one message on standard error.
report() {
  local run=$STATE/runs/$PHASE
  if [[ ${VERB_DONE:-} == remove ]]; then run=$HERE/run; fi
  if [[ -s $run/failure-text ]]; then
    cat "$run/failure-text" >&2
    exit 1
  fi
  if [[ ! -e $run/finished || $(<"$run/finished") != "$DIGEST" ]]; then
    printf 'phase %s did not finish: %s\n  way out: run up again; on the host: journalctl -t tms-llm -n 50\n' "$PHASE" "${1:-it was interrupted}" >&2
    exit 1
  fi
  cat "$run/report"
}

apply() {
  local previous=$STATE/phases/$PHASE run=$STATE/runs/$PHASE step began
  mkdir -p "$STATE/phases" "$STATE/runs"
  touch "$STATE/ledger"
  rm -rf "$run" "$previous.old"
  mkdir -p "$run"
  if [[ -e $previous ]]; then mv -T "$previous" "$previous.old"; fi
  mv -T "$HERE" "$previous"
  rm -rf "$previous.old"
  mkdir -p "$previous/steps"
  : >"$run/report"
  for step in "$previous"/steps/*; do
    began=$(milliseconds)
    progress_step "$step"
    attempt "$run" bash "$previous/lib/step.sh" apply "$step" "$PHASE"
    printf '{"step":"%s","changed":%s,"milliseconds":%d}\n' "$(basename "$step" | cut -d- -f2-)" "$(wc -l <"$STATE/run/changed")" \
      $(($(milliseconds) - began)) >>"$run/report"
    cat "$STATE/run/results" >>"$run/report"
  done
  remove_gone_steps "$previous" "$run"
  echo "$DIGEST" >"$previous/done.next"
  mv -T "$previous/done.next" "$previous/done"
  write_digest
  cp "$previous/done" "$run/finished"
}

# attempt RUN COMMAND…: what a failing command says is the failure of the run.
attempt() {
  local run=$1
  shift
  if ! "$@" 2>"$run/failure-text.next"; then
    [[ -s $run/failure-text.next ]] ||
      printf '%s failed without a word\n  way out: on the host: journalctl -t tms-llm -n 50\n' "$(basename "$4")" >"$run/failure-text.next"
    cat "$run/failure-text.next" >&2
    mv "$run/failure-text.next" "$run/failure-text"
    exit 1
  fi
  rm -f "$run/failure-text.next"
}

# Bash 4.4 has no clock of its own that is finer than a second.
milliseconds() { date +%s%3N; }

progress_step() { printf 'phase %s: %s\n' "$PHASE" "$(<"$1/title")"; }

# remove_gone_steps: a step that this phase had and the plan no longer has takes back all that it made.
remove_gone_steps() {
  local previous=$1 run=$2
  find "$previous/steps" -mindepth 1 -maxdepth 1 -printf '%f\n' | cut -d- -f2- >"$run/steps"
  awk -F'\t' -v phase="$PHASE" 'FILENAME == ARGV[1] { kept[$1] = 1; next } $1 == phase && !($2 in kept)' "$run/steps" "$STATE/ledger" >"$run/gone"
  [[ ! -s $run/gone ]] || attempt "$run" bash "$previous/lib/step.sh" take-back "$run/gone" "$PHASE"
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
  mkdir -p "$HERE/run"
  touch "$STATE/ledger"
  cp "$STATE/ledger" "$HERE/ledger"
  attempt "$HERE/run" bash "$HERE/lib/step.sh" take-back "$HERE/ledger" "$PHASE"
  echo '{"removed":true}' >"$HERE/run/report"
  echo "$DIGEST" >"$HERE/run/finished"
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
}

case ${1:?submit, apply, check or remove} in
  anchor) anchor ;;
  submit) submit apply ;;
  submit-removal)
    VERB_DONE=remove
    submit remove
    cd /
    rm -rf "$STATE"
    ;;
  apply) apply ;;
  check) check ;;
  remove) remove ;;
esac
