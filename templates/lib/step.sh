#!/usr/bin/env bash
# Runs one step: step.sh apply|check STEP-DIR PHASE, or takes ledger lines back: step.sh take-back FILE PHASE.
set -euo pipefail
shopt -s inherit_errexit

VERB=$1
PHASE=$3
STATE=/var/lib/tms-llm
LIB=$(cd "$(dirname "$0")" && pwd)
# A check leaves nothing behind. Its folder is never made a second time: in /tmp somebody else could take the name in between.
if [[ $VERB == check ]]; then
  RUN_DIR=$(mktemp -d)
  trap 'rm -rf "$RUN_DIR"' EXIT
else
  RUN_DIR=$STATE/run
  rm -rf "$RUN_DIR"
  mkdir -p "$RUN_DIR"
fi
# Where progress is read, also from within a function whose output is its result.
# shellcheck disable=SC2034 # For the parts below.
exec {JOURNAL}>&1
STEP=$(basename "$2")
STEP=${STEP#*-}

for part in report ledger files hosts address system packages repositories ufw firewalld selinux selinux-module models model-room weights engine-failure vllm transformers drain pause rehearsal releases gpu driver-set driver-kernels driver-compiler docker; do
  # shellcheck source=/dev/null
  source "$LIB/$part.sh"
done

touch "$RUN_DIR"/{touched,changed,handled,results,differences}
source_package_manager

if [[ $VERB == take-back ]]; then
  VERB=apply
  STEP=$PHASE
  take_back "$2"
  exit 0
fi

STEP_DIR=$2
export VERB STEP_DIR
# shellcheck source=/dev/null
source "$STEP_DIR/inputs.sh"
# shellcheck source=/dev/null
source "$STEP_DIR/script.sh"
step
if [[ $VERB == check ]]; then
  cat "$RUN_DIR/differences"
else
  reconcile
fi
