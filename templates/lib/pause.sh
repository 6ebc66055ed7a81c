# shellcheck shell=bash
# A restart of the engine is a gap. For as long as it lasts nginx answers new requests with 503 and Retry-After, and what is
# under way comes to its end first.

# In the folder that systemd makes for the phase's unit and removes with it, so that a killed phase leaves no closed door.
# By that folder's name it is one of nginx's own run files, which SELinux lets nginx see.
PAUSED=/run/httpd-tms-llm/paused

# begin_pause SECONDS: SECONDS is how long answers that are under way may go on.
begin_pause() {
  if [[ -e $PAUSED ]]; then return 0; fi
  progress "  pause: new requests get 503 with Retry-After until the engine has proven itself; answers under way may go on for $1 s"
  pause_began=$SECONDS
  mkdir "$PAUSED"
}

end_pause() {
  if [[ ! -e $PAUSED ]]; then return 0; fi
  rmdir "$PAUSED"
  progress "  the pause is over after $((SECONDS - pause_began)) s"
}

# let_answers_end PORT SECONDS: waits until nobody is connected to the engine. nginx has a connection for each request.
let_answers_end() {
  local deadline=$((SECONDS + $2)) open
  # What nginx let in a moment ago is still on its way to the engine.
  sleep 0.2
  open=$(connections_to "$1" | wc -l)
  if ((open > 0)); then progress "  let $open answers come to their end"; fi
  while ((open > 0)); do
    if ((SECONDS >= deadline)); then
      progress "  $open answers are cut off after $2 s"
      return 0
    fi
    sleep 0.1
    open=$(connections_to "$1" | wc -l)
  done
}
