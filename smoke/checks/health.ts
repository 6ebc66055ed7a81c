import { fail, judge, milliseconds, type Check } from "../check";

/** `/health` needs no key and answers at once. */
export const health: Check = {
  id: "health",
  title: "Health answers quickly",
  demand: ({ objectives }) => `200 within ${milliseconds(objectives.health * 1000)}`,
  alone: true,
  async run({ target, client }) {
    // The first request pays for the connection; of the others the best tells what the host can do.
    const first = await client.send("/health");
    const answers = [await client.send("/health"), await client.send("/health"), await client.send("/health")];
    const times = answers.map((answer) => answer.milliseconds);
    const evidence = { connect: client.connects[0], first: first.milliseconds, times };
    const wrong = [first, ...answers].find(({ status }) => status !== 200);
    if (wrong) return fail(`status ${wrong.status}`, { ...evidence, body: wrong.text.slice(0, 200) });
    const best = Math.min(...times);
    const late = best > target.objectives.health * 1000;
    return judge(late ? [`${milliseconds(best)} at best`] : [], milliseconds(best), evidence);
  },
};
