import { z } from "zod";
import type { HostAccess } from "../work";

/** Variable that tells the programs of the benchmark which host to work on: JSON, free of secrets. */
export const ACCESS_VARIABLE = "TMS_LLM_BENCH_HOST";

const schema = z.object({ host: z.string(), hostKey: z.string(), privateKeyFile: z.string() });

/** The host that the benchmark chose. Throws where the program is not run by the benchmark. */
export function readAccess(): HostAccess {
  return schema.parse(JSON.parse(process.env[ACCESS_VARIABLE] ?? "null"));
}
