# shellcheck shell=bash
# A reload of nginx closes the connections that are idle at that moment. Who was about to send a request on one sees it
# fail. So each answer is made the last one of its connection for a moment beforehand; the clients come back on new ones.

# By its name a run file of the domain httpd_t, which nginx is in: SELinux hides others from it, and says nothing.
DRAINING=/run/httpd-tms-llm-draining

# drain PORT: waits until the connections that are open now have ended, for 2 s at most. A stream goes on through a reload.
drain() {
  local deadline=$((SECONDS + 2)) before
  before=$(connections_to "$1")
  [[ -n $before ]] || return 0
  touch "$DRAINING"
  if [[ $(getenforce 2>/dev/null) == Enforcing ]]; then restorecon "$DRAINING"; fi
  while ((SECONDS < deadline)) && grep -qxF -- "$before" <(connections_to "$1"); do sleep 0.05; done
}

drained() { rm -f "$DRAINING"; }

connections_to() { ss -Htn state established "sport = :$1" | awk '{ print $4 }'; }

# A worker that only finishes its last streams calls itself "shutting down".
serving_workers() {
  local master
  master=$(systemctl show --property MainPID --value nginx.service)
  if [[ $master != 0 ]] && ! pgrep -P "$master" -f 'worker process$'; then return 0; fi
}

wait_until_retired() {
  local deadline=$((SECONDS + 5))
  while serving_workers | grep -qx "$1"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.05
  done
}
