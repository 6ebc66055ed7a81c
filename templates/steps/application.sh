# shellcheck shell=bash
# Env files of applications that run on this host. Their users and folders are theirs: none is made here.

step() {
  local path owner
  if [[ $VERB == apply ]]; then
    while IFS=$'\t' read -r path owner _; do admit "$path" "${owner%:*}" "${owner#*:}"; done <"$STEP_DIR/files.tsv"
  fi
  ensure_files
}

admit() { # PATH USER GROUP
  local folder=${1%/*}
  if ! getent passwd "$2" >/dev/null || ! getent group "$3" >/dev/null; then
    fail "$1 has no owner" "the host has no user $2, or no group $3" \
      "set up the application first, or correct clients.<name>.application.onHost.owner"
  fi
  [[ -d ${folder:-/} ]] ||
    fail "$1 has no folder" "there is no $folder" "set up the application first, or correct clients.<name>.application.onHost.path"
}
