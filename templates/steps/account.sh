# shellcheck shell=bash disable=SC2154
# The service's user and its folders.

step() {
  local -a ahead
  mapfile -t ahead < <(
    packages_ahead
    selinux_packages
  )
  ensure_package logrotate curl ca-certificates zstd "${ahead[@]}"
  # Where it came with us, our policy kept its timer from starting. Enterprise Linux 8 runs it from cron.
  if owned package logrotate && [[ $(system_family) == debian || -e /usr/lib/systemd/system/logrotate.timer ]]; then
    ensure_unit logrotate.timer
  fi
  ensure_user tms /opt/llm
  # The groups that own GPU device nodes; on a host without a GPU they may be absent.
  ensure_member tms video
  ensure_member tms render
  check_groups tms video render
  ensure_directory /etc/tms-llm root:root 0755
  ensure_directory /opt/llm root:root 0755
  ensure_data /opt/llm/models tms:tms 0750
  ensure_data /opt/llm/logs tms:tms 0750
  ensure_data /opt/llm/cache tms:tms 0750
  # logrotate may only touch what is labelled as a log.
  ensure_label '/opt/llm/logs(/.*)?' var_log_t /opt/llm/logs
  ensure_files
}

# Packages of later steps, in the same run of apt: three runs would take three times as long. What is there from elsewhere,
# like an nginx of another flavour, is left to its step.
packages_ahead() {
  local name
  while read -r name; do
    if [[ -n $name ]] && { owned package "$name" || ! command -v "$name" >/dev/null; }; then echo "$name"; fi
  done < <(
    echo "$in_packages_ahead"
    if [[ $in_firewall != off ]]; then firewall_manager "$in_firewall"; fi
  )
}
