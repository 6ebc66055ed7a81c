import { z } from "zod";

/** What `pulumi stack export` tells about work that was broken off. */

const operationSchema = z.object({
  type: z.string(),
  resource: z.object({ urn: z.string(), type: z.string() }),
});

const stateSchema = z.object({
  deployment: z.object({
    resources: z
      .array(z.object({ urn: z.string(), type: z.string(), outputs: z.looseObject({}).optional() }))
      .nullish(),
    pending_operations: z.array(operationSchema).nullish(),
  }),
});

export type PulumiState = z.output<typeof stateSchema>;

export const parseState = (text: string): PulumiState => stateSchema.parse(JSON.parse(text));

/**
 * Resources that were being made when Pulumi was killed: whether they came to be is not known. Of changes and removals it
 * knows the resource, and does them again by itself.
 */
export function pendingCreates({ deployment }: PulumiState): { readonly name: string; readonly type: string }[] {
  return (deployment.pending_operations ?? [])
    .filter(({ type }) => type === "creating")
    .map(({ resource: { urn, type } }) => ({ name: urn.slice(urn.lastIndexOf("::") + 2), type }));
}

/** Whether something on the host is the deployment's to remove. */
export const ownsHost = ({ deployment }: PulumiState): boolean =>
  (deployment.resources ?? []).some(({ urn }) => urn.endsWith("::host-anchor"));

/** What preflight once found, as JSON text; undefined where it has not run. */
export function recordedFacts({ deployment }: PulumiState): string | undefined {
  const preflight = (deployment.resources ?? []).find(({ urn }) => urn.endsWith("::host-preflight"));
  const stdout = preflight?.outputs?.["stdout"];
  return typeof stdout === "string" ? stdout : undefined;
}

/** Where the host was when it was last deployed to, as `host:port`; undefined where nothing is known of it. */
export function deployedAt({ deployment }: PulumiState): string | undefined {
  const anchor = (deployment.resources ?? []).find(({ urn }) => urn.endsWith("::host-anchor"));
  const create = anchor?.outputs?.["create"];
  return typeof create === "string" ? /^# on (\S+)$/m.exec(create)?.[1] : undefined;
}
