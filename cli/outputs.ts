import { z } from "zod";
import { CommandFailure } from "./failure";
import type { Pulumi } from "./pulumi";

const outputsSchema = z.object({ apiKeys: z.record(z.string(), z.string()), caCertificate: z.string().optional() });

/** What a client of the deployed endpoint needs. Throws CommandFailure before the first `up`. */
export async function endpointOutputs(
  pulumi: Pick<Pulumi, "outputs">,
  stack: string,
): Promise<z.output<typeof outputsSchema>> {
  const outputs = outputsSchema.safeParse(await pulumi.outputs());
  if (!outputs.success) throw new CommandFailure(`${stack} has no endpoint yet`, `npm run up -- ${stack}`);
  return outputs.data;
}
