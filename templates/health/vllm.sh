if systemctl is-active --quiet llm-vllm.service; then say unit OK "llm-vllm is running"; else say unit FAULT "llm-vllm is not running: journalctl -u llm-vllm"; fi

# The key goes through a pipe: among the arguments everybody would see it.
if answer=$(curl --fail --silent --max-time 5 --unix-socket {{socket}} --header @<(sed -n 's/^VLLM_API_KEY=/Authorization: Bearer /p' /etc/tms-llm/vllm.env) http://localhost/v1/models); then
  say engine OK "answers on {{socket}}"
  for model in {{models}}; do
    if grep -qF "\"id\":\"$model\"" <<<"$answer"; then say model OK "$model"; else say model FAULT "$model is not served"; fi
  done
else
  say engine FAULT "no answer on {{socket}}; after a start that takes minutes: journalctl -u llm-vllm"
fi
