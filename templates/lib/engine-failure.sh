# shellcheck shell=bash
# Why an engine in Python did not start, from its last words. What to do about it the engine's own file says, torch's words apart.

# engine_failure ENGINE WHAT LOG: fails with the reason that the log gives.
engine_failure() {
  local engine=$1 what=$2 log=$3 why way_out
  # vLLM's lines begin with a process and a place in its source.
  why=$(sed -nE '/WARNING/d; /(Error|error:|Exception)/ { s/^\([^)]*\) *//; s/^ERROR [-0-9: ]*\[[^]]*\] *//; p }' "$log" | tail -n 2)
  way_out=$("${engine}_advice" "$log")
  fail "$what" "${why:-$(tail -n 5 "$log")}" "${way_out:-$(torch_advice "$log" "on the host: journalctl -u llm-$engine")}"
}

torch_advice() { # LOG OTHERWISE
  if grep -qF 'NVIDIA driver on your system is too old' "$1"; then
    echo "install an NVIDIA driver of branch 580 or newer and reboot"
  else
    echo "$2"
  fi
}
