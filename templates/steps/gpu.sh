# shellcheck shell=bash disable=SC2154
# The GPU answers, and the engine's unit waits for it at each start.

step() {
  local reason=$RUN_DIR/gpu-reason fault
  ensure_files
  if [[ $VERB == apply ]]; then
    if [[ $(unit_property tms-llm-gpu.service NeedDaemonReload) == yes ]]; then systemctl daemon-reload; fi
    wait_for_gpu "$in_device" "$in_seconds" 2>"$reason" ||
      fail "the GPU does not answer" "$(<"$reason")" \
        "on the host: nvidia-smi; dmesg | grep -e NVRM -e Xid; then run up again$in_way_out"
  elif gpu_expected "$in_device"; then
    fault=$(gpu_fault)
    [[ -z $fault ]] || difference "GPU" "answers" "$fault"
  fi
}
