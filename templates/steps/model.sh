# shellcheck shell=bash disable=SC2154
# One model: its Modelfile, the model made from it, one completion as proof.

step() {
  local name
  if [[ $VERB == apply ]]; then
    while read -r name; do
      if [[ -n $name && -z $(model_digest "$in_name") ]]; then artifact "$name" >/dev/null; fi
    done < <(cut -f1 "$STEP_DIR/artifacts.tsv")
  fi
  ensure_directory /opt/llm/modelfiles root:root 0755
  ensure_files
  ensure_model "$in_name" "$in_modelfile"
}
