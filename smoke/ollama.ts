import { z } from "zod";

/** Ollama's own lists, `/api/tags` and `/api/ps`. */

const listSchema = z.object({
  models: z.array(
    z.object({
      name: z.string(),
      digest: z.string(),
      /** Bytes in memory, of a model that is loaded. */
      size: z.number().optional(),
      size_vram: z.number().optional(),
    }),
  ),
});

/** The models of a list; none when it is no list. */
export function ollamaModels(text: string): z.output<typeof listSchema>["models"] {
  try {
    return listSchema.safeParse(JSON.parse(text)).data?.models ?? [];
  } catch {
    return [];
  }
}
