import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

const gpusSchema = z.record(
  z.string().regex(/^0x[0-9a-f]{4}$/),
  z.strictObject({ name: z.string(), memory: z.string(), computeCapability: z.string() }),
);

let read: z.output<typeof gpusSchema> | undefined;
const gpus = () => (read ??= gpusSchema.parse(parse(readFileSync(join(__dirname, "gpus.yaml"), "utf8"))));

/** What is known of a GPU by what the PCI bus says of it: all that there is before a driver is there. */
export const pciGpu = (device: string | null) => (device === null ? undefined : gpus()[device]);

/** The same in words. */
export function describePciGpu(device: string | null): string {
  const known = pciGpu(device);
  if (!known) return `NVIDIA device ${device ?? "without an id"}`;
  return `NVIDIA ${known.name} (${known.memory}, compute capability ${known.computeCapability}, device ${device ?? ""})`;
}
