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

# What torch, Triton and the CUDA driver say, whichever engine uses them.
torch_advice() { # LOG OTHERWISE
  local text
  text=$(tr '\n' ' ' <"$1")
  if [[ $text == *"NVIDIA driver on your system is too old"* ]]; then
    echo "install an NVIDIA driver of branch 580 or newer and reboot"
  elif [[ $text == *"system not yet initialized"* ]]; then
    echo "GPUs that an NVSwitch connects work only with Fabric Manager: install nvidia-fabricmanager in exactly the version of the driver that nvidia-smi shows, then systemctl enable --now nvidia-fabricmanager, and run up again; in a virtual machine it runs on the machine below"
  elif [[ $text == *"Failed to find C compiler"* ]]; then
    echo "kernels are compiled on the host, and it has no C compiler: npm run up installs gcc again where it is missing; apt-get install gcc g++ libc6-dev, or dnf install gcc gcc-c++ glibc-devel, does it by hand"
  elif [[ $text == *"Python.h: No such file"* ]]; then
    echo "kernels are compiled against the headers of the engine's Python, which the host does not have: install those of its series (python3.12-dev, in RHEL's family python3.12-devel) and run up again; or set engine.packages to index, which brings a Python with headers"
  elif [[ $text == *"fp8e4nv not supported"* ]]; then
    echo "this GPU does not compute in fp8 (compute capability 8.9 is the lowest that does): choose a model that is not quantized to fp8"
  elif [[ $text == *"Could not find nvcc"* || $text =~ bin/nvcc:\ (not\ found|No\ such\ file) || $text == *"No such file or directory: '/nonexistent/bin/nvcc'"* ]]; then
    echo "a kernel for this model would be compiled with nvcc, and no engine sees a CUDA toolkit here: choose the model in another quantization, bfloat16 at best"
  else
    echo "$2"
  fi
}
