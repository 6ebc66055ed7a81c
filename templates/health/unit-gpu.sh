# shellcheck source=/dev/null
source /opt/llm/gpu.sh
fault=$(gpu_fault)
if [[ -n $fault ]]; then
  say gpu FAULT "$fault; journalctl -u tms-llm-gpu"
elif unit_on_gpu {{unit}}; then
  say gpu OK "{{product}} holds memory of it"
else
  say gpu FAULT "no process of {{unit}} holds memory of it: nvidia-smi; journalctl -u {{unit}}"
fi
