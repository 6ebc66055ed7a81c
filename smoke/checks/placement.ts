import { inconclusive, judge, pass, type Check } from "../check";
import { lookIntoHost } from "../host";
import { ollamaModels } from "../ollama";
import { unitProcesses, unitProcessesScript } from "../probe";

const share = (part: number, whole: number) => `${Math.round((part / whole) * 100)} %`;

/**
 * What is wrong with where a model lies, from Ollama's lists of what it has and what it has loaded, a line each. Ollama goes on without a word on the CPU when it can't
 * have the GPU, and puts there what does not fit.
 * @returns undefined when the model is not loaded
 */
function ollamaPlacement(answer: string, model: string): { faults: string[]; found: string } | undefined {
  const [listed = "", running = ""] = answer.split("\n");
  // The name is the one under which it was loaded, which may be another of the same model.
  const digest = ollamaModels(listed).find(({ name }) => name === model || name === `${model}:latest`)?.digest;
  const loaded = ollamaModels(running).find((one) => one.digest === digest);
  if (digest === undefined || loaded?.size === undefined || loaded.size_vram === undefined) return undefined;
  const found = `${share(loaded.size_vram, loaded.size)} of ${model} in the GPU's memory`;
  return { faults: loaded.size_vram < loaded.size ? [found] : [], found };
}

/** How many of the unit's processes compute on a GPU, from `nvidia-smi --query-compute-apps=pid,used_memory`. */
function computingProcesses(answer: string): number {
  const ours = unitProcesses(answer);
  return Array.from(answer.matchAll(/^(\d+), /gm)).filter(([, pid]) => ours.has(pid!)).length;
}

/** The model is in the GPU's memory where the plan is made for a GPU; asked after an answer, so it is loaded. */
export const placement: Check = {
  id: "placement",
  title: "The model is where it was planned",
  demand: ({ engine }) =>
    engine?.placement.gpu ? "all of it in the GPU's memory" : "loaded; the plan is not made for a GPU",
  needs: "answer",
  async run({ target: { access, engine }, model }) {
    if (!access) return inconclusive("not measured: no host access");
    if (!engine) return inconclusive("not measured: what the plan expects is not known here");
    const { gpu, asks, question } = engine.placement;
    if (asks === "nobody") return pass("a build for CPUs computes nowhere else");
    const words =
      asks === "nvidia-smi"
        ? ["bash", "-c", `"$@" || exit\n${unitProcessesScript(engine.unit)}`, "bash", ...question]
        : question;
    const { exitCode, stdout, stderr } = await lookIntoHost(access, words);
    const evidence = { stdout: stdout.slice(0, 400), stderr: stderr.slice(0, 200) };
    if (exitCode !== 0) return judge([`${question[0]!} on the host ended with ${exitCode}`], "", evidence);
    switch (asks) {
      case "ollama": {
        const where = ollamaPlacement(stdout, model);
        return where
          ? judge(gpu ? where.faults : [], where.found, evidence)
          : judge([`${model} is not loaded`], "", evidence);
      }
      case "nvidia-smi": {
        const processes = computingProcesses(stdout);
        return judge(
          processes > 0 ? [] : [`no process of ${engine.unit} computes on the GPU`],
          `${processes} of the engine's processes on the GPU`,
          evidence,
        );
      }
      default:
        return asks satisfies never;
    }
  },
};
