import { fail, judge, type Check } from "../check";
import { listedModels } from "../openai";

/** Every model of the stack file is offered under its name. */
export const models: Check = {
  id: "models",
  title: "The models are listed",
  demand: ({ models: names }) => (names.length > 0 ? names.join(", ") : "at least one"),
  needs: "keys",
  async run({ target, client }) {
    const { text, status } = await client.send("/v1/models", { key: client.key });
    const listed = listedModels(text);
    if (status !== 200 || !listed)
      return fail(`status ${status}, ${listed ? "a" : "no"} list`, { body: text.slice(0, 300) });
    // Ollama completes a name without a tag.
    const missing = target.models.filter((name) => !listed.includes(name) && !listed.includes(`${name}:latest`));
    const faults = [
      ...(missing.length > 0 ? [`missing: ${missing.join(", ")}`] : []),
      ...(target.models.length === 0 && listed.length === 0 ? ["none is listed"] : []),
    ];
    return judge(faults, listed.join(", "), { listed });
  },
};
