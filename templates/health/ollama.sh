if systemctl is-active --quiet tms-ollama.service; then say unit OK "tms-ollama is running"; else say unit FAULT "tms-ollama is not running: journalctl -u tms-ollama"; fi

if answer=$(curl --fail --silent --max-time 5 http://127.0.0.1:{{port}}/api/tags); then
  say engine OK "answers on 127.0.0.1:{{port}}"
  for model in {{models}}; do
    if grep -qF "\"name\":\"$model\"" <<<"$answer"; then say model OK "$model"; else say model FAULT "$model is missing"; fi
  done
else
  say engine FAULT "no answer on 127.0.0.1:{{port}}"
fi
