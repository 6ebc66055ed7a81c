import { TOOLKIT_KEY, TOOLKIT_PACKAGES, TOOLKIT_REPOSITORY, TOOLKIT_VERSION } from "./catalog/container-toolkit";
import type { StackConfig } from "./config/schema";
import { plannedSystem } from "./driver";
import type { HostFacts } from "./host-facts";
import { repositoryPlan } from "./repository";
import type { Step } from "./step";

/** NVIDIA's container toolkit for the Docker that a host has, proven by a container that sees the GPU. */

/** Debian's word for an architecture → rpm's. */
const RPM_ARCHITECTURE: Readonly<Record<string, string>> = { amd64: "x86_64", arm64: "aarch64" };

/** @throws PlanRefused without facts, or for a system that is not known */
export function containerToolkitSteps(config: StackConfig, stack: string, facts: HostFacts | undefined): Step[] {
  const { gpu, mirrors } = config;
  if (gpu.containerToolkit === "off") return [];
  const apt = plannedSystem(stack, facts).family === "debian";
  const architecture = facts!.architecture;
  const server = mirrors.nvidiaContainerToolkit?.url ?? TOOLKIT_REPOSITORY;
  const { inputs, files } = repositoryPlan(apt ? "apt" : "dnf", {
    name: "nvidia-container-toolkit",
    title: "NVIDIA's container toolkit",
    url: apt
      ? `${server}/stable/deb/${architecture}`
      : `${server}/stable/rpm/${RPM_ARCHITECTURE[architecture] ?? architecture}`,
    key: `${server}/gpgkey`,
    fingerprint: mirrors.nvidiaContainerToolkit?.key ?? TOOLKIT_KEY,
    signed: "index",
  });
  return [
    {
      name: "container-toolkit",
      phase: "base",
      title: `NVIDIA container toolkit ${TOOLKIT_VERSION}, registered with Docker, the GPU seen by a container`,
      script: "container-toolkit.sh",
      inputs: {
        ...inputs,
        version: TOOLKIT_VERSION,
        packages: TOOLKIT_PACKAGES.join("\n"),
        image: gpu.containerImage ?? "",
      },
      files,
      artifacts: [],
      secrets: [],
    },
  ];
}
