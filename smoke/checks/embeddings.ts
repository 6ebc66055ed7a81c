import { fail, judge, type Check } from "../check";
import { askIdleModel } from "../idle-model";
import { embeddingVectors } from "../openai";

const TEXTS = ["인덱스를 추가하면 조회가 빨라집니다.", "SELECT * FROM employees WHERE department_id = 10"];

/** A model for embeddings turns each text into a vector of its own. */
export const embeddings: Check = {
  id: "embeddings",
  title: "Texts become vectors",
  demand: ({ embeddingModel = "" }) => `200, a vector per text, by ${embeddingModel}`,
  needs: "models",
  applies: ({ embeddingModel }) => embeddingModel !== undefined,
  async run({ target, client }) {
    const { status, text } = await askIdleModel(client, target, "/v1/embeddings", {
      method: "POST",
      key: client.key,
      body: JSON.stringify({ model: target.embeddingModel, input: TEXTS }),
    });
    const evidence = { body: text.slice(0, 300) };
    const vectors = embeddingVectors(text);
    if (status !== 200 || vectors === undefined)
      return fail(`status ${status}, ${vectors === undefined ? "no vectors" : "with vectors"}`, evidence);
    const [one = [], other = []] = vectors;
    const faults = [
      ...(vectors.length === TEXTS.length ? [] : [`${vectors.length} vectors for ${TEXTS.length} texts`]),
      ...(one.length === other.length ? [] : [`vectors of ${one.length} and of ${other.length} numbers`]),
      ...(one.some((number) => number !== 0) ? [] : ["a vector of nothing"]),
      ...(one.some((number, place) => number !== other[place]) ? [] : ["the same vector for different texts"]),
    ];
    return judge(faults, `${vectors.length} vectors of ${one.length} numbers`, evidence);
  },
};
