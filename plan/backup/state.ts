import { isDeepStrictEqual } from "node:util";
import { z } from "zod";

/**
 * Pulumi's state of a stack as `pulumi stack export --show-secrets` prints it. In a backup it is freed of the passphrase or
 * key service of the machine that it came from: there the backup's own encryption protects it.
 */

const exportSchema = z.looseObject({
  version: z.number(),
  deployment: z.looseObject({
    resources: z.array(z.looseObject({ urn: z.string() })).nullish(),
    secrets_providers: z.unknown().optional(),
  }),
});

type Export = z.output<typeof exportSchema>;

const parse = (text: string): Export => exportSchema.parse(JSON.parse(text));

const resources = ({ deployment }: Export) => deployment.resources ?? [];

export const countResources = (exported: string) => resources(parse(exported)).length;

/** Whether two exports describe the same deployment, whatever protects their secrets. */
export const sameState = (one: string, other: string) =>
  isDeepStrictEqual(resources(parse(one)), resources(parse(other)));

/** What goes into a backup. */
export function portableState(exported: string): string {
  const { deployment, ...rest } = parse(exported);
  return JSON.stringify({ ...rest, deployment: { ...deployment, secrets_providers: undefined } });
}

/**
 * What `pulumi stack import` takes: the state of a backup, to be encrypted by whatever protects the present one.
 * @param present the export of the stack that it goes into, which may be empty
 */
export function adoptedState(portable: string, present: string): string {
  const backup = parse(portable);
  const { secrets_providers } = parse(present).deployment;
  return JSON.stringify({ ...backup, deployment: { ...backup.deployment, secrets_providers } });
}
