import { driverSource } from "./catalog/drivers";
import type { StackConfig } from "./config/schema";
import { factsFile, type HostFacts } from "./host-facts";
import { SYSTEMS, systemRow, type SystemRow } from "./os";
import { PlanRefused, type Refusal } from "./preflight/refusal";
import { plannedFile } from "./render/payload";
import { templateText } from "./render/template-files";
import { repositoryPlan } from "./repository";
import type { Step } from "./step";

/** NVIDIA's driver and its Fabric Manager as steps, where the stack file has them installed. */

/** Longest wait for the fabric of NVSwitches, in seconds. */
const FABRIC_SECONDS = 120;

/** Whether the plan depends on which system the host has. */
export const needsSystem = ({ gpu }: Pick<StackConfig, "gpu">): boolean =>
  gpu.driver === "install" || gpu.containerToolkit === "install";

/** @throws PlanRefused without facts, or for a system or architecture whose packages are not known */
export function driverSteps({ gpu, mirrors }: StackConfig, stack: string, facts: HostFacts | undefined): Step[] {
  if (gpu.driver === "check") return [];
  const row = plannedSystem(stack, facts);
  const signed = facts?.secureBoot === "on" || facts?.secureBoot === "unknown";
  const source = driverSource(row, {
    branch: gpu.branch,
    modules: gpu.modules,
    signed,
    mirror: mirrors.nvidiaDriver,
  });
  const { from, repository } = source;
  if (repository && facts?.architecture !== "amd64") throw new PlanRefused(stack, [repositoryUnknown(row, facts)]);
  const named = repositoryPlan(
    from === "dnf" ? "dnf" : "apt",
    repository && { name: "nvidia-driver", title: "NVIDIA's driver", ...repository, signed: "packages" },
  );
  return [
    {
      name: "nvidia-driver",
      phase: "base",
      title: `NVIDIA driver ${gpu.branch}, ${gpu.modules} modules, from ${repository?.url ?? `${row.name}'s archive`}`,
      script: "nvidia-driver.sh",
      inputs: {
        branch: String(gpu.branch),
        packages: source.packages.join("\n"),
        former: source.former?.join("\n") ?? "",
        modules: source.signedModules ?? "",
        headers: source.headers.stock.join("\n"),
        headers_uek: source.headers.uek.join("\n"),
        compiler: row.gcc === undefined ? "" : String(row.gcc),
        epel: source.epel ?? "",
        stream: source.stream ?? "",
        ...named.inputs,
        contrib: row.id === "debian" ? "yes" : "",
        reboot: gpu.reboot ? "yes" : "",
      },
      files: [
        plannedFile("/etc/modprobe.d/tms-llm-nouveau.conf", templateText("modprobe/nouveau.conf")),
        ...named.files,
      ],
      artifacts: [],
      secrets: [],
    },
    {
      name: "fabric-manager",
      phase: "base",
      title: "NVIDIA Fabric Manager of the driver's version, where the host has NVSwitches",
      script: "fabric-manager.sh",
      inputs: { packages: source.fabricManager.join("\n"), seconds: String(FABRIC_SECONDS) },
      files: [],
      artifacts: [],
      secrets: [],
    },
  ];
}

/** The catalogue has NVIDIA's repository of packages for x86_64 alone. */
function repositoryUnknown(row: SystemRow, facts: HostFacts | undefined): Refusal {
  return {
    id: "gpu-driver-architecture",
    what: `This release knows no driver's packages for ${row.name} on the host's architecture`,
    found: facts?.architecture ?? "unknown",
    needed: "amd64",
    wayOut: "install the driver yourself and set gpu.driver to check",
  };
}

/** The system that packages are planned for. @throws PlanRefused where it is not known */
export function plannedSystem(stack: string, facts: HostFacts | undefined): SystemRow {
  const row = facts && systemRow(facts.system);
  if (!row) throw new PlanRefused(stack, [systemUnknown(stack, facts)]);
  return row;
}

function systemUnknown(stack: string, facts: HostFacts | undefined): Refusal {
  return {
    id: facts ? "operating-system" : "facts-missing",
    what: "The packages of the GPU's software depend on the host's system",
    found: facts ? `${facts.system.id} ${facts.system.version}` : `no ${factsFile(stack)}`,
    needed: SYSTEMS.map(({ name }) => name).join(", "),
    wayOut: facts
      ? "install them yourself and leave gpu.driver and gpu.containerToolkit out; or choose a host with one of these systems"
      : `npm run facts -- ${stack} measures the host and writes the file; npm run up does it by itself`,
  };
}
