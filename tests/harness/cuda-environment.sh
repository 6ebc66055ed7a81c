#!/usr/bin/env bash
# cuda-environment.sh PLACE UV-WHEEL LOCK PYTHON: installs a lock file on this machine into PLACE/release, by the functions
# of the step that does so on a host. PYTHON is a full version, as the step fetches it; a machine that cannot fetch one gives
# its own of the same series.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=/dev/null
source templates/steps/python-environment.sh

progress() { echo "$*"; }
fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

place=$1 wheel=$2
# The names that a step has.
RUN_DIR=$place in_home=$place in_uv=$place/uv in_release=$place/release in_lock=$3 in_python=$4
in_wheels='' in_index='' in_python_mirror='' in_product=$(basename "$in_lock" .txt) in_version='' in_variant=cuda
export RUN_DIR in_home in_uv in_release in_lock in_python in_wheels in_index in_python_mirror in_product in_version in_variant

unpack_uv "$wheel"
if ! (make_environment) 2>"$place/no-python"; then
  uv venv --python "${in_python%.*}" --no-python-downloads "$in_release" || fail "$(<"$place/no-python")" "$(last_words)"
fi
install_packages_of_lock
