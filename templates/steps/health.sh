# shellcheck shell=bash
# The host's own health check and the timer that runs it.

step() {
  ensure_files --notify tms-llm-health.timer
  # No backslash: awk -v, by which the ledger is read, would take it away.
  ensure_label '/opt/llm/health-check[.]sh' bin_t /opt/llm/health-check.sh
  ensure_unit tms-llm-health.timer
}
