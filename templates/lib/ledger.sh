# shellcheck shell=bash
# The ledger: what we made on this host and what was there before, written before the change is made.
# A line: phase, step, kind, id, before; separated by tabs. It is what reconcile and remove work from.

LEDGER=$STATE/ledger
BEFORE_DIR=$STATE/before

ledger_field() { awk -F'\t' -v kind="$1" -v id="$2" -v field="$3" '$3 == kind && $4 == id { print $field; exit }' "$LEDGER"; }

# owned KIND ID: did we make it?
owned() { [[ -n $(ledger_field "$1" "$2" 3) ]]; }

# own KIND ID BEFORE: records that this step makes the thing; BEFORE is kept from the first time.
own() {
  local kind=$1 id=$2 before=$3 owner
  printf '%s\t%s\n' "$kind" "$id" >>"$RUN_DIR/touched"
  [[ $VERB == apply ]] || return 0
  owner=$(ledger_field "$kind" "$id" 2)
  if [[ -z $owner ]]; then
    printf '%s\t%s\t%s\t%s\t%s\n' "$PHASE" "$STEP" "$kind" "$id" "$before" >>"$LEDGER"
  elif [[ $owner != "$STEP" ]]; then
    awk -F'\t' -v OFS='\t' -v phase="$PHASE" -v step="$STEP" -v kind="$kind" -v id="$id" \
      '$3 == kind && $4 == id { $1 = phase; $2 = step } { print }' "$LEDGER" >"$LEDGER.next" && mv -T "$LEDGER.next" "$LEDGER"
  fi
}

# An awk that was killed leaves a part of the ledger, which must not take its place; here as above.
disown_line() { # KIND ID
  awk -F'\t' -v kind="$1" -v id="$2" '!($3 == kind && $4 == id)' "$LEDGER" >"$LEDGER.next" && mv -T "$LEDGER.next" "$LEDGER"
}

# keep_before PATH: stores what is at PATH and prints the word for the ledger's last column.
keep_before() {
  local path=$1 name
  if [[ ! -e $path && ! -L $path ]]; then
    echo absent
    return
  fi
  name=$(printf '%s' "$path" | sha256sum | cut -c1-16)
  mkdir -p "$BEFORE_DIR"
  if [[ ! -e $BEFORE_DIR/$name && ! -L $BEFORE_DIR/$name ]]; then
    cp -a -- "$path" "$BEFORE_DIR/$name.next"
    mv -T -- "$BEFORE_DIR/$name.next" "$BEFORE_DIR/$name"
  fi
  echo "kept:$name"
}

restore_before() { # PATH BEFORE
  local path=$1 before=$2
  drop_candidate "$path"
  if [[ $before == kept:* ]]; then
    [[ -e $BEFORE_DIR/${before#kept:} || -L $BEFORE_DIR/${before#kept:} ]] || return 0
    cp -a -- "$BEFORE_DIR/${before#kept:}" "$(candidate_of "$path")"
    mv -T -- "$(candidate_of "$path")" "$path"
    rm -f -- "$BEFORE_DIR/${before#kept:}"
  else
    rm -f -- "$path"
  fi
}

# undo KIND ID BEFORE: takes one thing back. Safe to repeat; what is gone already is fine.
undo() {
  local kind=$1 id=$2 before=$3
  progress "  take back $kind $id"
  case $kind in
    file | link | absent) restore_before "$id" "$before" ;;
    # Where a killed run was still unpacking it, it has this name.
    tree) rm -rf -- "$id" "$id.next" ;;
    data) undo_data "$id" "$before" ;;
    directory) undo_directory "$id" "$before" ;;
    user) undo_user "$id" ;;
    group) undo_group "$id" ;;
    member) undo_member "${id%%:*}" "${id#*:}" ;;
    unit) undo_unit "$id" "$before" ;;
    resting) undo_resting "$id" "$before" ;;
    package) echo "$id" >>"$RUN_DIR/packages-to-remove" ;;
    hold) undo_hold "$id" ;;
    dnf-module) undo_dnf_module "$id" "$before" ;;
    docker-daemon) undo_docker_daemon "$id" "$before" ;;
    docker-image) undo_docker_image "$id" ;;
    rpm-key) undo_rpm_key "$id" ;;
    ufw-file) undo_ufw_file "$id" "$before" ;;
    ufw-rule) undo_ufw_rule "$id" "$before" ;;
    ufw-state) undo_ufw_state "$before" ;;
    ufw-default) undo_ufw_default "$before" ;;
    firewalld) undo_firewalld "$before" ;;
    selinux-boolean) undo_boolean "$id" "$before" ;;
    selinux-port) undo_http_port "$id" "$before" ;;
    selinux-label) undo_label "$id" "$before" ;;
    selinux-module) undo_module "$id" "$before" ;;
    firewalld-zone) undo_firewalld_zone "$before" ;;
    hosts-entry) undo_hosts_entry "$id" ;;
    address) undo_address ;;
    model) undo_model "$id" ;;
    weights) undo_weights "$id" ;;
    *) fail "cannot take back $kind $id" "this version does not know the kind $kind" "deploy with the version that made it, then remove it again" ;;
  esac
  case $id in /etc/systemd/* | /usr/lib/systemd/*) touch "$RUN_DIR/reload-systemd" ;; esac
}

# keep_owners PATH: stores who owns what in a folder that was there before us, and prints the word for the last column.
keep_owners() {
  local name
  name=$(printf '%s' "$1" | sha256sum | cut -c1-16).owners
  mkdir -p "$BEFORE_DIR"
  find "$1" -printf '%U:%G\t%p\0' >"$BEFORE_DIR/$name"
  echo "kept:$name"
}

# Data outlives us unless purged; then it must not belong to a user id that somebody else may get.
# A folder that was there before us is not ours to purge; what was in it gets back its owners.
undo_data() { # PATH BEFORE
  local owner path
  [[ -d $1 ]] || return 0
  if [[ $2 == absent && -e $STATE/purge ]]; then
    rm -rf -- "$1"
    return
  fi
  chown -R root:root -- "$1"
  [[ $2 == kept:* ]] || return 0
  while IFS=$'\t' read -r -d '' owner path; do
    if [[ -e $path || -L $path ]]; then chown -h "$owner" -- "$path"; fi
  done <"$BEFORE_DIR/${2#kept:}"
}

undo_directory() {
  local path=$1 before=$2
  [[ -d $path ]] || return 0
  if [[ $before == absent ]]; then
    # Something that isn't ours may lie there by now; then the folder stays.
    rmdir --ignore-fail-on-non-empty -- "$path"
  else
    chown "${before#* }" "$path"
    chmod "${before%% *}" "$path"
  fi
}

# stays STEP: what this step made is left on the host when it goes. Others may have come to compute with the driver, and to
# take a loaded one away needs a reboot; so it takes a purge. What a step itself gives up is taken back as ever.
stays() { [[ $1 =~ ^(nvidia-driver|fabric-manager)$ && $STEP != "$1" && ! -e $STATE/purge ]]; }

# take_back FILE: undoes the ledger lines in FILE, newest first.
take_back() {
  local step kind id before
  : >"$RUN_DIR/packages-to-remove"
  tac "$1" >"$RUN_DIR/to-take-back"
  while IFS=$'\t' read -r _ step kind id before; do
    if stays "$step"; then
      progress "  leave $kind $id"
      [[ $STEP == removal ]] || disown_line "$kind" "$id"
      continue
    fi
    undo "$kind" "$id" "$before"
    [[ $kind == package ]] || disown_line "$kind" "$id"
    echo "$kind $id" >>"$RUN_DIR/changed"
  done <"$RUN_DIR/to-take-back"
  if [[ -s $RUN_DIR/packages-to-remove ]]; then
    mapfile -t packages <"$RUN_DIR/packages-to-remove"
    remove_packages "${packages[@]}"
    for id in "${packages[@]}"; do disown_line package "$id"; done
  fi
  settle_packages
  if [[ -e $RUN_DIR/reload-systemd ]]; then
    systemctl daemon-reload
    rm -f "$RUN_DIR/reload-systemd"
  fi
}

# reconcile: what this step owned and did not touch in this run is no longer in the plan.
reconcile() {
  awk -F'\t' -v OFS='\t' -v step="$STEP" '
    FILENAME == ARGV[1] { touched[$1 OFS $2] = 1; next }
    $2 == step && !(($3 OFS $4) in touched)' "$RUN_DIR/touched" "$LEDGER" >"$RUN_DIR/untouched"
  [[ ! -s $RUN_DIR/untouched ]] || take_back "$RUN_DIR/untouched"
}
