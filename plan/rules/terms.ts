import { findModel, licenceOf } from "../catalog/models";
import type { StackConfig } from "../config/schema";
import type { Step } from "../step";

/**
 * What a step needs to be judged by and the host need not know: where it goes, and what its operator has agreed to. It stands
 * beside the step's inputs in Pulumi's resources, and changes nothing on the host.
 */
export function termsOf(step: Pick<Step, "name" | "phase" | "inputs">, config: StackConfig): Record<string, string> {
  const { target, gateway, models } = config;
  const { tls } = gateway;
  const place = { target: target.kind };
  if (step.name === "gateway")
    return { ...place, ...(tls.mode === "off" && tls.accept !== undefined ? { plain_http: "accepted" } : {}) };
  if (step.phase !== "model") return place;
  // The sources of a plan may be a mirror's; the licence belongs to what the stack file names.
  const model = models.find(({ name }) => name === (step.inputs["name"] ?? step.inputs["model"]));
  const match = model && findModel(model.source, model.catalog);
  const licence = match && licenceOf(match.model);
  return {
    ...place,
    ...(licence ? { licence: licence.id, licence_class: licence.class } : {}),
    ...(model?.acceptLicence === undefined ? {} : { licence_accepted: model.acceptLicence }),
  };
}
