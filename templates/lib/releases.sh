# shellcheck shell=bash
# The releases of an engine on this host. The one that serves and the one that served before it stay, so that a rollback has
# nothing to send, unpack or install.

releases_list() { printf '%s/releases/%s' "$STATE" "$1"; }

# proven_releases ENGINE: the folders of the last two releases that have proven themselves, the one that serves first.
proven_releases() {
  local list
  list=$(releases_list "$1")
  if [[ -e $list ]]; then cat "$list"; fi
}

# record_release ENGINE FOLDER: the release in FOLDER has proven itself.
record_release() {
  local list
  list=$(releases_list "$1")
  own file "$list" absent
  if [[ $(proven_releases "$1" | head -n 1) == "$2" ]]; then return 0; fi
  mkdir -p "$STATE/releases"
  proven_releases "$1" | awk -v serving="$2" 'BEGIN { print serving } $0 != serving && !former++' >"$list.next"
  mv -T "$list.next" "$list"
}

# keep_releases ENGINE: for the step that installs them; what it does not name is taken off the host.
keep_releases() {
  local release
  while read -r release; do
    if owned tree "$release"; then own tree "$release" absent; fi
  done < <(proven_releases "$1")
}
