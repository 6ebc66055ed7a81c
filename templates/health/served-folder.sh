if systemctl is-active --quiet {{unit}}; then say unit OK "{{unit}} is running"; else say unit FAULT "{{unit}} is not running: journalctl -u {{unit}}"; fi

if answer=$(curl --fail --silent --max-time 5 --unix-socket {{socket}}{{key}} http://localhost/v1/models); then
  say engine OK "answers on {{socket}}"
  for model in {{models}}; do
    if grep -qF "\"id\":\"$model\"" <<<"$answer"; then say model OK "$model"; else say model FAULT "$model is not served"; fi
  done
else
  say engine FAULT "no answer on {{socket}}; after a start that takes minutes: journalctl -u {{unit}}"
fi
