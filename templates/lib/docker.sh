# shellcheck shell=bash
# Docker's configuration, which is somebody else's: a runtime is added to it, and taken out of it again.

DOCKER_DAEMON=/etc/docker/daemon.json

docker_daemon() { "$(python_command)" "$LIB/docker-daemon.py" "$@"; }

# Enterprise Linux 8 may have none but the system's own.
python_command() {
  local name
  for name in python3 /usr/libexec/platform-python; do
    if command -v "$name" >/dev/null; then
      echo "$name"
      return 0
    fi
  done
  fail "Docker's configuration" "no Python to read it with" "install python3 on the host, then run up again"
}

# ensure_docker_runtime: NVIDIA's runtime beside those that are there, merged in by nvidia-ctk.
ensure_docker_runtime() {
  local wanted=$RUN_DIR/daemon.json before
  if [[ -s $DOCKER_DAEMON ]]; then cp "$DOCKER_DAEMON" "$wanted"; else echo '{}' >"$wanted"; fi
  nvidia-ctk --quiet runtime configure --runtime=docker --cdi.enabled --config="$wanted" >"$RUN_DIR/nvidia-ctk.log" 2>&1 ||
    if [[ $VERB == check ]]; then
      difference "Docker's runtime nvidia" configured "nvidia-ctk: $(tail -n 1 "$RUN_DIR/nvidia-ctk.log")"
      return 0
    else
      fail "Docker's configuration could not be extended" "$(tail -n 2 "$RUN_DIR/nvidia-ctk.log")" "correct $DOCKER_DAEMON on the host, then run up again"
    fi
  if [[ ! -s $DOCKER_DAEMON ]] || ! docker_daemon same "$DOCKER_DAEMON" "$wanted"; then
    difference "Docker's runtime nvidia" configured absent
    if [[ $VERB == apply ]]; then
      before=$(keep_before "$DOCKER_DAEMON")
      own docker-daemon "$DOCKER_DAEMON" "$before"
      install -d -m 0755 "${DOCKER_DAEMON%/*}"
      put_file "$DOCKER_DAEMON" "$wanted" root:root "$(if [[ -e $DOCKER_DAEMON ]]; then stat -c %04a "$DOCKER_DAEMON"; else echo 0644; fi)"
      notify docker.service
      changed "Docker's runtime nvidia"
    fi
  fi
  if owned docker-daemon "$DOCKER_DAEMON"; then own docker-daemon "$DOCKER_DAEMON" absent; fi
  # A runtime is read anew by a reload, what CDI needs by a restart alone.
  if [[ $VERB == apply && -e $STATE/pending/docker.service ]]; then
    progress "  restart Docker"
    systemctl restart docker.service || unit_failed docker.service
    rm -f "$STATE/pending/docker.service"
  fi
}

# What others have changed in the meantime stays; where nobody has, the file is what it was, to the letter.
undo_docker_daemon() { # PATH BEFORE
  local before=$RUN_DIR/daemon-before.json rest=$RUN_DIR/daemon-rest.json
  rm -f "$STATE/pending/docker.service"
  [[ -e $1 ]] || return 0
  if [[ $2 == kept:* && -s $BEFORE_DIR/${2#kept:} ]]; then cp "$BEFORE_DIR/${2#kept:}" "$before"; else echo '{}' >"$before"; fi
  docker_daemon without "$1" "$before" >"$rest"
  if docker_daemon same "$rest" "$before"; then
    restore_before "$1" "$2"
  else
    put_file "$1" "$rest" root:root "$(stat -c %04a "$1")"
  fi
  systemctl try-restart docker.service
}

undo_docker_image() { # NAME
  if command -v docker >/dev/null && docker image inspect "$1" >/dev/null 2>&1; then docker image rm "$1" >/dev/null; fi
}

# make_proof_root ROOT PROGRAM-OR-LIBRARY…: a root file system of the host's own files in which what is named can run, once
# it has been put there: the C library, its loader, and whatever else it is linked to. Empty names are passed over.
make_proof_root() {
  local root=$1 name
  shift
  mkdir -p "$root"/{dev,etc,proc,run,sys,tmp,usr/bin,usr/sbin,usr/lib,usr/lib64}
  for name in /bin /sbin /lib /lib64; do
    if [[ -L $name ]]; then cp -a "$name" "$root$name"; fi
  done
  while read -r name; do
    install -D -m 0755 "$name" "$root$(realpath "${name%/*}")/${name##*/}"
  done < <(for name in "$@"; do linked_files "$name"; done | sort -u)
}

# What is linked to nothing, such as a script, needs nothing.
linked_files() { # PROGRAM-OR-LIBRARY
  local linked
  if [[ -n $1 ]] && linked=$(ldd "$1" 2>/dev/null); then
    sed -nE 's/^.*[[:space:]](\/[^ ]+) \(0x[0-9a-f]+\)$/\1/p' <<<"$linked"
  fi
}
