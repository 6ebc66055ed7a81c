# shellcheck shell=bash
# The host's own health check and the timer that runs it.

step() {
  ensure_files --notify tms-llm-health.timer
  ensure_unit tms-llm-health.timer
}
