# shellcheck shell=bash
# What vLLM says when it cannot start, as advice with its own numbers. The wording is that of 0.32.0.

# vllm_advice LOG: what to change in the stack file or on the host; nothing for an unknown failure.
vllm_advice() {
  local text
  text=$(tr '\n' ' ' <"$1")
  if [[ $text =~ Free\ memory\ on\ device\ [^\(]*\(([0-9.]+)/([0-9.]+)\ GiB\)\ on\ startup\ is\ less\ than\ desired\ GPU\ memory\ utilization\ \([0-9.]+,\ ([0-9.]+)\ GiB\) ]]; then
    echo "${BASH_REMATCH[1]} of ${BASH_REMATCH[2]} GiB are free and ${BASH_REMATCH[3]} are asked for: end what else uses the GPU (nvidia-smi names it), or set engine.gpuMemoryPercent to $(percent_of "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}") or less"
  elif [[ $text =~ max\ seq\ len\ \(([0-9]+)\),\ \(([0-9.]+)\ GiB\ KV\ cache\ is\ needed,\ which\ is\ larger\ than\ the\ available\ KV\ cache\ memory\ \(([0-9.]+)\ GiB\) ]]; then
    local asked=${BASH_REMATCH[1]} needed=${BASH_REMATCH[2]} there=${BASH_REMATCH[3]}
    if [[ $text =~ estimated\ maximum\ model\ length\ is\ ([0-9]+) ]]; then
      echo "a context of $asked tokens needs $needed GiB and $there are there: set the model's context to ${BASH_REMATCH[1]} or less, or give it more (engine.gpuMemoryPercent, engine.kvCacheMemory)"
    else
      echo "a context of $asked tokens needs $needed GiB and $there are there: lower the model's context, or give it more (engine.gpuMemoryPercent, engine.kvCacheMemory)"
    fi
  elif [[ $text == *"No available memory for the cache blocks"* ]]; then
    echo "the weights leave no memory for the KV cache: raise engine.gpuMemoryPercent, spread the model over more GPUs (engine.tensorParallel), or choose a smaller or quantized one"
  elif [[ $text =~ CUDA\ out\ of\ memory\.\ Tried\ to\ allocate\ ([0-9.]+\ [KMG]iB) ]]; then
    echo "${BASH_REMATCH[1]} more were wanted than the GPU has: lower engine.parallel or the model's context, spread the model over more GPUs (engine.tensorParallel), or choose a smaller or quantized one"
  elif [[ $text =~ Available\ memory\ on\ node\ [0-9]+\ \(([0-9.]+)/[0-9.]+\ GiB\)\ on\ kv\ cache\ allocation\ is\ less\ than\ requested\ memory\ for\ kv\ \(([0-9.]+) ]]; then
    echo "${BASH_REMATCH[1]} GiB of memory are free and ${BASH_REMATCH[2]} are asked for: lower engine.kvCacheMemory, or give the host more memory"
  elif [[ $text =~ Insufficient\ space\ in\ /dev/shm[^:]*:\ ([0-9]+\ [KMG]iB)\ required,\ ([0-9]+\ [KMG]iB)\ free ]]; then
    echo "${BASH_REMATCH[1]} of shared memory are needed and ${BASH_REMATCH[2]} are there: give the host more memory"
  elif [[ $text == *"no kernel image is available"* ]]; then
    echo "this vLLM has no code for this GPU's compute capability (7.5 is the lowest): use another GPU, or Ollama"
  elif [[ $text =~ max_num_seqs\ \(([0-9]+)\)\ exceeds\ available\ Mamba\ cache\ blocks\ \(([0-9]+)\) ]]; then
    if ((BASH_REMATCH[2] > 0)); then
      echo "${BASH_REMATCH[1]} requests at the same time are asked for, and the memory holds the state of ${BASH_REMATCH[2]}: set engine.parallel to ${BASH_REMATCH[2]} or less, or give it more (engine.gpuMemoryPercent, engine.kvCacheMemory)"
    else
      echo "the memory holds the state of no request at all: give it more (engine.gpuMemoryPercent, engine.kvCacheMemory), or choose a smaller model"
    fi
  elif [[ $text == *"FP8 KV cache is not supported"* || $text == *"an FP8 KV cache needs native"* ]]; then
    echo "this GPU keeps no cache in fp8 (compute capability 8.9 is the lowest that does): set engine.kvCacheType to default"
  elif [[ $text =~ unrecognized\ arguments:\ (--[a-z-]+) ]]; then
    echo "this version of vLLM does not know ${BASH_REMATCH[1]}: correct plan/catalog/vllm.ts"
  fi
}

percent_of() { awk -v part="$1" -v whole="$2" 'BEGIN { printf "%d", 100 * part / whole }'; }
