# shellcheck shell=bash disable=SC2154
# One model: its Modelfile, the model made from it, one completion or one embedding as proof.

step() {
  local name planned
  planned=$STEP_DIR/files/$(file_row "$in_modelfile" | cut -f4)
  # Before anything changes; also where a model of this name is there, since it may be made anew from other weights.
  if [[ $VERB == apply ]] && ! model_is_current "$in_name" "$planned"; then
    while read -r name; do
      [[ -z $name ]] || artifact "$name" >/dev/null
    done < <(cut -f1 "$STEP_DIR/artifacts.tsv")
  fi
  ensure_directory /opt/llm/modelfiles root:root 0755
  ensure_files
  ensure_model "$in_name" "$in_modelfile"
}
