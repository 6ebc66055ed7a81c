# shellcheck shell=bash
# What Transformers says when it cannot start, as advice. The wording is that of 5.23.0 and of templates/transformers/serve.py.

# transformers_advice LOG: what to change in the stack file or on the host; nothing for an unknown failure.
transformers_advice() {
  local text
  text=$(tr '\n' ' ' <"$1")
  if [[ $text =~ CUDA\ out\ of\ memory\.\ Tried\ to\ allocate\ ([0-9.]+\ [KMG]iB) ]]; then
    echo "${BASH_REMATCH[1]} more were wanted than the GPU has: end what else uses it (nvidia-smi names it), or choose a smaller model, or more GPUs"
  elif [[ $text == *"does not fit on the GPUs"* ]]; then
    echo "choose a smaller model, or a host with more GPU memory; or set engine.kind to ollama, which runs it quantized"
  elif [[ $text == *"no safetensors in"* ]]; then
    echo "take the model's files in the safetensors format: hf download <repository> --include '*.safetensors' --include '*.json' --local-dir <path>"
  elif [[ $text == *"trust_remote_code"* ]]; then
    echo "the model brings code of its own, which is not run here: choose one that Transformers knows by itself"
  elif [[ $text =~ "model type \`"([a-z0-9_.-]+)"\` but Transformers does not recognize" ]]; then
    echo "this release does not know models of the type ${BASH_REMATCH[1]}: choose a newer one as engine.version, or another model"
  fi
}
