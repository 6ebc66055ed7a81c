# shellcheck shell=bash disable=SC2154
# The service's user and its folders.

step() {
  ensure_package logrotate curl ca-certificates zstd
  ensure_user tms /opt/llm
  # The groups that own GPU device nodes; on a host without a GPU they may be absent.
  ensure_member tms video
  ensure_member tms render
  ensure_directory /etc/tms-llm root:root 0755
  ensure_directory /opt/llm root:root 0755
  ensure_data /opt/llm/models tms:tms 0750
  ensure_data /opt/llm/logs tms:tms 0750
  ensure_data /opt/llm/cache tms:tms 0750
  ensure_files
}
