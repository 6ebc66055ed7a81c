import { fail, judge, milliseconds, type Check } from "../check";
import { askIdleModel } from "../idle-model";
import { completionText, tuningRequest } from "../openai";

/** One short answer; it also loads the model, so that later checks measure a warm one. */
export const answer: Check = {
  id: "answer",
  title: "A short answer comes",
  demand: ({ objectives }) => `200, not empty, within ${objectives.total} s`,
  needs: "models",
  async run({ target, client, model }) {
    const {
      status,
      text,
      milliseconds: took,
    } = await askIdleModel(client, target, "/v1/chat/completions", {
      method: "POST",
      key: client.key,
      body: JSON.stringify(tuningRequest(model, 16)),
    });
    const evidence = { body: text.slice(0, 300) };
    if (status !== 200) return fail(`status ${status}`, evidence);
    return judge(completionText(text) === "" ? ["200 without an answer"] : [], milliseconds(took), evidence);
  },
};
