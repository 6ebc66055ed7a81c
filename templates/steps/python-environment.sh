# shellcheck shell=bash disable=SC2154
# One release of an engine in Python with a Python of its own, exactly as its lock file names it.

step() {
  local -a packages
  mapfile -t packages <<<"$in_packages"
  ensure_package "${packages[@]}"
  ensure_directory "$in_home" root:root 0755
  ensure_directory "$in_home/locks" root:root 0755
  ensure_files
  install_uv
  install_release
  label_programs
}

install_uv() {
  if [[ ! -x $in_uv/uv ]]; then
    difference "uv" "$in_uv" absent
    if [[ $VERB == apply ]]; then
      own tree "$in_uv" absent
      # A host without a network has it among its wheels.
      if [[ -n $in_wheels ]]; then offer_artifact uv "$in_wheels/$in_uv_wheel"; fi
      unpack_uv "$(artifact uv)"
      changed "uv"
    fi
  fi
  own tree "$in_uv" absent
  [[ $VERB == check ]] || discard_artifact uv
}

# A wheel is a zip archive, and python3 is there to read it.
unpack_uv() {
  local wheel=$RUN_DIR/uv-wheel
  python3 -m zipfile -e "$1" "$wheel"
  rm -rf "$in_uv" "$in_uv.next"
  mkdir "$in_uv.next"
  install -m 0755 "$wheel"/uv-*.data/scripts/uv "$in_uv.next/uv"
  rm -rf "$wheel"
  mv -T "$in_uv.next" "$in_uv"
}

# Made in its place, since an environment's programs name it; the marker comes last, with the lock that it was made from.
install_release() {
  local wanted found=absent
  wanted=$(sha256sum <"$STEP_DIR/files/0" | cut -d' ' -f1)
  [[ ! -e $in_release/.complete ]] || found=$(<"$in_release/.complete")
  if [[ $found != "$wanted" ]]; then
    difference "$in_product $in_version" "lock ${wanted:0:12}" "${found:0:12}"
    if [[ $VERB == apply ]]; then
      own tree "$in_release" absent
      own tree "$in_home/python" absent
      rm -rf "$in_release" "$in_home/.uv"
      make_environment
      install_packages_of_lock
      if [[ $in_variant == cpu ]]; then adapt_to_cpu; fi
      echo "$wanted" >"$in_release/.complete"
      rm -rf "$in_home/.uv"
      changed "$in_product $in_version"
    fi
  fi
  own tree "$in_release" absent
  keep_running_release
  keep_releases "$in_engine"
  if owned tree "$in_home/python"; then own tree "$in_home/python" absent; fi
  if [[ $VERB == apply && $in_variant == cpu ]]; then discard_artifact cuda-stubs; fi
}

# systemd may start only what is labelled as a program: the release's own, and the Python that they lead to.
label_programs() {
  local python
  local -a folders=("$in_release/bin")
  python=$(readlink -f "$in_release/bin/python") || python=
  if [[ $python == "$in_home"/* ]]; then folders+=("${python%/*}"); fi
  ensure_label "$in_home/([^/]+|python/[^/]+)/bin(/.*)?" bin_t "${folders[@]}"
}

# An older one goes when the model's step has proven the next one, not before.
keep_running_release() {
  local running
  running=$(readlink -f "$in_home/current/release") || return 0
  if owned tree "$running"; then own tree "$running" absent; fi
}

# The stack file's mirrors, and else the administrator's uv.toml, may name another index or place for Python; what is installed
# is decided by the lock, and Python's checksum by uv itself.
# UV_SYSTEM_CERTS: a company's own index has a certificate of its own authority, which only the host knows.
uv() {
  local -a mirrors=()
  if [[ -n $in_index ]]; then mirrors+=("UV_DEFAULT_INDEX=$in_index"); fi
  if [[ -n $in_python_mirror ]]; then mirrors+=("UV_PYTHON_INSTALL_MIRROR=$in_python_mirror"); fi
  env ${mirrors[@]+"${mirrors[@]}"} UV_SYSTEM_CERTS=1 UV_CACHE_DIR="$in_home/.uv" UV_PYTHON_INSTALL_DIR="$in_home/python" UV_NO_PROGRESS=1 \
    "$in_uv/uv" "$@" >"$RUN_DIR/uv.log" 2>&1
}

last_words() { grep -v '^ *$' "$RUN_DIR/uv.log" | tail -n 5; }

make_environment() {
  local -a whose=(--managed-python)
  local way_out="see that the host reaches the place that uv takes Python from, or name another as mirrors.python in the stack file"
  progress "  Python $in_python"
  if [[ -n $in_wheels ]]; then
    whose=(--no-managed-python --no-python-downloads --offline)
    way_out="install python$in_python on the host, or set engine.packages to index"
  fi
  uv venv --python "$in_python" "${whose[@]}" "$in_release" ||
    fail "no Python $in_python for $in_product $in_version" "$(last_words)" "$way_out"
}

install_packages_of_lock() {
  local -a from=()
  local way_out="see that the host reaches its package index, or name another as mirrors.pypi in the stack file; and that /opt has room"
  progress "  install $in_product $in_version ($in_variant)"
  if [[ -n $in_wheels ]]; then
    [[ -d $in_wheels ]] || fail "the folder of wheels is missing" "$in_wheels is no folder on the host" "put the wheels that $in_lock names there, or correct engine.packages"
    from=(--offline --no-index --find-links "$in_wheels")
    way_out="complete the folder $in_wheels: it needs every wheel that $in_lock names, unchanged"
  fi
  uv pip sync --python "$in_release/bin/python" --require-hashes --no-build --compile-bytecode "${from[@]}" "$in_lock" ||
    fail "$in_product $in_version could not be installed" "$(last_words)" "$way_out"
}

# torch's wheel links to CUDA's libraries; empty ones stand in for them.
adapt_to_cpu() {
  local stubs
  stubs=$(artifact cuda-stubs)
  mkdir "$in_release/cuda-stubs"
  tar -xf "$stubs" -C "$in_release/cuda-stubs" --no-same-owner
  if [[ -n $in_alias ]]; then name_after_itself; fi
}

# The engine looks up the version of a package of its own name, and in it the word that it is for CPUs.
name_after_itself() {
  local packages
  packages=$("$in_release/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
  mkdir "$packages/$in_alias-$in_version+cpu.dist-info"
  printf 'Metadata-Version: 2.1\nName: %s\nVersion: %s+cpu\n' "$in_alias" "$in_version" >"$packages/$in_alias-$in_version+cpu.dist-info/METADATA"
}
