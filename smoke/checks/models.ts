import { fail, judge, type Check } from "../check";
import { parseObject } from "../openai";

/** Every model of the stack file is offered under its name. */
export const models: Check = {
  id: "models",
  title: "The models are listed",
  demand: ({ models: names }) => names.join(", "),
  needs: "keys",
  async run({ target, client }) {
    const { text, status } = await client.send("/v1/models", { key: client.key });
    const data = parseObject(text)?.["data"];
    if (status !== 200 || !Array.isArray(data))
      return fail(`status ${status}, ${Array.isArray(data) ? "a" : "no"} list`, { body: text.slice(0, 300) });
    const listed = (data as readonly { readonly id?: unknown }[]).map(({ id }) => String(id));
    // Ollama completes a name without a tag.
    const missing = target.models.filter((name) => !listed.includes(name) && !listed.includes(`${name}:latest`));
    return judge(missing.length > 0 ? [`missing: ${missing.join(", ")}`] : [], listed.join(", "), { listed });
  },
};
