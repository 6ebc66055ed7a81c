#!/usr/bin/env bash
# cuda-stubs.sh TORCH-WHEEL ARCHIVE: empty CUDA libraries for machines without a GPU.
# PyPI's torch links to CUDA's libraries by name and imports nowhere without them; the real ones weigh 3.4 GB and are never
# called on a CPU. Each stub has the symbols that torch asks of it, and each function says "no CUDA-capable device".
set -euo pipefail

wheel=$1 archive=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/stubs" "$work/torch"
python3 - "$wheel" "$work/torch" <<'PYTHON'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    wheel.extractall(sys.argv[2], [name for name in wheel.namelist() if name.startswith("torch/lib/") and ".so" in name])
PYTHON
libraries=("$work"/torch/torch/lib/*.so*)

missing() { readelf --dynamic "${libraries[@]}" | sed -n 's/.*(NEEDED).*\[\(lib\(cu\|nv\|nccl\).*\)\]/\1/p' | sort -u; }

nm --dynamic --defined-only "${libraries[@]}" | awk 'NF >= 3 { sub(/@.*/, "", $3); print $3 }' | sort -u >"$work/defined"
nm --dynamic --undefined-only --with-symbol-versions "${libraries[@]}" | awk 'NF == 2 { print $2 }' | sort -u >"$work/undefined"

# versioned SONAME: CUDA's libraries carry their own name as the version of their symbols, NVSHMEM an own one.
versioned() { awk -v version="@$(version_of "$1")" 'substr($0, length($0) - length(version) + 1) == version { sub(/@.*/, ""); print }' "$work/undefined"; }

# Of the rest torch does not say where they come from, so each library without versions has them all.
unversioned() { grep -v @ "$work/undefined" | grep -E '^(cu|nccl|nv)' | grep -vxFf "$work/defined"; }

version_of() {
  case $1 in
    libnvshmem_host.*) echo NVSHMEM ;;
    *) echo "$1" ;;
  esac
}

# cudaErrorNoDevice and CUDA_ERROR_NO_DEVICE are both 100.
stub() { # SYMBOL
  case $1 in
    *GetErrorString | *GetErrorName | *GetLastError*String) echo "const char *$1(void) { return \"no CUDA here: a stub of tms-llm\"; }" ;;
    *) echo "int $1(void) { return 100; }" ;;
  esac
}

for name in $(missing); do
  flags=()
  mapfile -t symbols < <(versioned "$name")
  if ((${#symbols[@]})); then
    printf '%s { global: *; };\n' "$(version_of "$name")" >"$work/versions"
    flags=("-Wl,--version-script=$work/versions")
  else
    mapfile -t symbols < <(unversioned)
  fi
  for symbol in "${symbols[@]}"; do stub "$symbol"; done >"$work/stub.c"
  gcc -shared -fPIC -O1 -w -fno-builtin -Wl,--build-id=none -Wl,-soname="$name" "${flags[@]}" -o "$work/stubs/$name" "$work/stub.c"
done
tar -C "$work/stubs" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=a=rX -cf "$archive" .
