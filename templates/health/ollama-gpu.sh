# shellcheck source=/dev/null
source /opt/llm/gpu.sh
if gpu_expected {{device}}; then
  fault=$(gpu_fault)
  if [[ -z $fault ]]; then say gpu OK "answers"; else say gpu FAULT "$fault; journalctl -u tms-llm-gpu"; fi
  # Each start of the engine has the models loaded once, so that one on the CPU shows before a client feels it.
  run=$(systemctl show --property InvocationID --value tms-ollama.service)
  seen=/run/tms-llm-gpu-seen
  while read -r path model; do
    # To "generate" the input says nothing; a model for embeddings refuses that path.
    if [[ $(cat "$seen" 2>/dev/null) != "$run" ]] &&
      ! curl --fail --silent --max-time {{loadTimeout}} --output /dev/null --data "{\"model\":\"$model\",\"input\":\"ping\"}" "http://127.0.0.1:{{port}}/api/$path"; then
      say placement FAULT "$model could not be loaded: journalctl -u tms-ollama"
    elif [[ -z $(ollama_placement {{port}} "$model") ]]; then
      say placement OK "$model is not loaded at the moment"
    else
      fault=$(ollama_gpu_fault {{port}} "$model")
      if [[ -z $fault ]]; then say placement OK "$model lies on the GPU"; else say placement FAULT "$model: $fault"; fi
    fi
  done <<'MODELS'
{{loads}}
MODELS
  echo "$run" >"$seen"
fi
