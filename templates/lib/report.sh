# shellcheck shell=bash
# What a step says: one JSON line per step in the phase's report, and progress for people in the journal.

json_string() {
  local text=$1
  text=${text//\\/\\\\}
  text=${text//\"/\\\"}
  text=${text//$'\n'/\\n}
  text=${text//$'\t'/\\t}
  text=${text//$'\r'/}
  printf '"%s"' "$text" | LC_ALL=C tr -d '\000-\010\013-\037' | LC_ALL=C tr -c '\11\12\40-\176' '?'
}

report_line() { # key value key value …
  local separator=''
  printf '{'
  while (($#)); do
    printf '%s%s:' "$separator" "$(json_string "$1")"
    json_string "$2"
    separator=,
    shift 2
  done
  printf '}\n'
}

progress() { printf '%s\n' "$*"; }

# changed WHAT: something on the host was moved towards the plan.
changed() {
  echo "$1" >>"$RUN_DIR/changed"
  progress "  $STEP: $1"
}

# difference WHAT EXPECTED FOUND: the host is not as planned. `check` reports it, `apply` goes on to mend it.
difference() {
  [[ $VERB == check ]] || return 0
  report_line phase "$PHASE" step "$STEP" what "$1" expected "$2" found "$3" >>"$RUN_DIR/differences"
}

# foreign WHAT EXPECTED FOUND REPAIR: somebody else's work, which a deployment does not undo; REPAIR says how a person does.
foreign() {
  [[ $VERB == check ]] || return 0
  report_line phase "$PHASE" step "$STEP" what "$1" expected "$2" found "$3" repair "$4" >>"$RUN_DIR/differences"
}

# hint WHAT FOUND WAYOUT: worth knowing, and no difference: the host is as it was deployed.
hint() {
  [[ $VERB == check ]] || return 0
  report_line phase "$PHASE" step "$STEP" hint "$1" found "$2" wayOut "$3" >>"$RUN_DIR/differences"
}

# fail WHAT WHY WAYOUT: the step can't go on.
fail() {
  report_line step "$STEP" failed "$1" why "$2" wayOut "$3" >"$RUN_DIR/failure"
  printf '%s: %s\n  why: %s\n  way out: %s\n' "$STEP" "$1" "$2" "$3" >&2
  exit 1
}

# result_file NAME PATH: the file's text becomes part of the phase's result, for a stack output. Public data only.
result_file() {
  [[ $VERB == apply ]] || return 0
  report_line result "$1" text "$(<"$2")" >>"$RUN_DIR/results"
}
