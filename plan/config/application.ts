import { z } from "zod";
import { duration } from "./units";
import { text } from "./wording";

/** What an application is told beside its key: the part of a client that ends up in its env file. */

const HOUR = 3600;

const onHost = z.strictObject({
  path: text(/^\/(?!.*\/\.\.?(\/|$))[^\s]*[^\s/]$/, {
    expected: "an absolute path on the host, without spaces",
    type: "path",
  }).describe(
    "Where the application reads it, e.g. `/srv/tms/.env.production.local`. Its folder must be there. A file that is there already comes back when the deployment goes.",
  ),
  owner: text(/^[a-z_][a-z0-9_-]{0,31}:[a-z_][a-z0-9_-]{0,31}$/, {
    expected: "<user>:<group>, both there on the host",
    type: "user and group",
  }).describe("Whom the file belongs to; nobody else can read it."),
});

export const applicationSchema = z.strictObject({
  apiType: z
    .enum(["openai", "ollama"])
    .default("openai")
    .describe(
      "`openai`: OpenAI's paths, with `/v1` in the base URL. `ollama`: Ollama's native ones, for which `gateway.nativeApi` has to be true.",
    ),
  maxTokens: z
    .number()
    .int()
    .min(1)
    .max(2 ** 20)
    .default(4096)
    .describe(
      "`LLM_MAX_TOKENS`: longest answer. The env file says at most half of the model's context, so that there is room for a prompt.",
    ),
  temperature: z.number().min(0).max(2).default(0.3).describe("`LLM_TEMPERATURE`."),
  timeout: duration({ min: 1, max: HOUR })
    .default(120)
    .describe("`LLM_TIMEOUT`, which the application reads in milliseconds."),
  onHost: onHost
    .optional()
    .describe("Puts the env file on the host too, for an application that runs there; see `gateway.applicationRoute`."),
});
