import { driverSource, type DriverSource } from "./catalog/drivers";
import type { StackConfig } from "./config/schema";
import { factsFile, type HostFacts } from "./host-facts";
import { SYSTEMS, systemRow } from "./os";
import { PlanRefused, type Refusal } from "./preflight/refusal";
import { plannedFile } from "./render/payload";
import { fillTemplate } from "./render/template";
import { templateText } from "./render/template-files";
import type { PlannedFile, Step } from "./step";

/** NVIDIA's driver as a step, where the stack file has it installed. */

/** Whether the plan depends on which system the host has. */
export const needsSystem = ({ gpu }: Pick<StackConfig, "gpu">): boolean => gpu.driver === "install";

/** Where the key of a repository lies, and where the repository is named. */
const PLACES = {
  apt: {
    keyring: "/usr/share/keyrings/tms-llm-nvidia-driver.asc",
    list: "/etc/apt/sources.list.d/tms-llm-nvidia-driver.list",
  },
  dnf: {
    keyring: "/etc/pki/rpm-gpg/RPM-GPG-KEY-tms-llm-nvidia-driver",
    list: "/etc/yum.repos.d/tms-llm-nvidia-driver.repo",
  },
} as const;

/** @throws PlanRefused without facts, or for a system that is not known */
export function driverSteps({ gpu, mirrors }: StackConfig, stack: string, facts: HostFacts | undefined): Step[] {
  if (gpu.driver === "check") return [];
  const row = facts && systemRow(facts.system);
  if (!row) throw new PlanRefused(stack, [systemUnknown(stack, facts)]);
  const signed = facts.secureBoot === "on" || facts.secureBoot === "unknown";
  const source = driverSource(row, {
    branch: gpu.branch,
    modules: gpu.modules,
    signed,
    mirror: mirrors.nvidiaDriver,
  });
  const { from, repository } = source;
  const place = from === "distribution" ? undefined : PLACES[from];
  return [
    {
      name: "nvidia-driver",
      phase: "base",
      title: `NVIDIA driver ${gpu.branch}, ${gpu.modules} modules, from ${repository?.url ?? `${row.name}'s archive`}`,
      script: "nvidia-driver.sh",
      inputs: {
        branch: String(gpu.branch),
        packages: source.packages.join("\n"),
        headers: source.headers.stock.join("\n"),
        headers_uek: source.headers.uek.join("\n"),
        epel: source.epel ?? "",
        stream: source.stream ?? "",
        url: repository?.url ?? "",
        key: repository?.key ?? "",
        fingerprint: repository?.fingerprint ?? "",
        keyring: place?.keyring ?? "",
        list: place?.list ?? "",
        contrib: row.id === "debian" ? "yes" : "",
        reboot: gpu.reboot ? "yes" : "",
      },
      files: [
        plannedFile("/etc/modprobe.d/tms-llm-nouveau.conf", templateText("modprobe/nouveau.conf")),
        ...repositoryFiles(source),
      ],
      artifacts: [],
      secrets: [],
    },
  ];
}

function repositoryFiles({ from, repository }: DriverSource): PlannedFile[] {
  if (from === "distribution" || !repository) return [];
  const { keyring, list } = PLACES[from];
  const slots = { keyring, url: repository.url };
  const text =
    from === "apt"
      ? fillTemplate(templateText("repositories/apt.list"), slots)
      : fillTemplate(templateText("repositories/dnf.repo"), {
          ...slots,
          name: "tms-llm-nvidia-driver",
          title: "NVIDIA's driver",
        });
  return [plannedFile(list, text)];
}

function systemUnknown(stack: string, facts: HostFacts | undefined): Refusal {
  return {
    id: facts ? "operating-system" : "facts-missing",
    what: "The driver's packages depend on the host's system",
    found: facts ? `${facts.system.id} ${facts.system.version}` : `no ${factsFile(stack)}`,
    needed: SYSTEMS.map(({ name }) => name).join(", "),
    wayOut: facts
      ? "install the driver yourself and set gpu.driver to check; or choose a host with one of these systems"
      : `npm run facts -- ${stack} measures the host and writes the file; npm run up does it by itself`,
  };
}
