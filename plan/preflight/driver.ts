import { hasSignedModules, modulesOf, type DriverModules } from "../catalog/drivers";
import { describePciGpu } from "../catalog/gpus";
import type { Facts } from "../facts";
import { systemRow } from "../os";
import { judgeGpu, type GpuRequirement } from "./gpu";
import type { Refusal } from "./refusal";

/** What becomes of the NVIDIA driver where the deployment may install one. Pure: facts × wishes → what is done, or why not. */

export interface DriverWish {
  readonly branch: number;
  readonly modules: DriverModules;
  /** Whether the host may be rebooted. */
  readonly reboot: boolean;
}

export type DriverDecision =
  /** A driver that works and is new enough, whoever installed it. */
  | { readonly action: "keep"; readonly driver: string }
  | { readonly action: "install"; readonly rebootExpected: boolean }
  /** Ours, and not yet loaded: an earlier run did not come to its end, or the kernel has changed. */
  | { readonly action: "finish" }
  | { readonly action: "refuse"; readonly refusals: readonly Refusal[] };

const branch = (version: string) => Number(version.split(".")[0]);

/** Answers that a driver of ours may give before it has been loaded. */
const UNFINISHED: readonly string[] = ["version-mismatch", "driver-not-loaded", "library-missing"];

export function decideDriver(facts: Facts, wish: DriverWish, gpu: GpuRequirement): DriverDecision {
  const { nvidiaSmi, pciDevices } = facts.gpu;
  const refuse = (refusals: readonly Refusal[]): DriverDecision => ({ action: "refuse", refusals });
  switch (nvidiaSmi.state) {
    case "ready": {
      const tooOld = gpu.minimumDriver !== undefined && branch(nvidiaSmi.driver) < gpu.minimumDriver;
      return tooOld
        ? refuse([foreignDriver(nvidiaSmi.driver, gpu, wish)])
        : { action: "keep", driver: nvidiaSmi.driver };
    }
    case "failed":
      return isOurs(facts) && UNFINISHED.includes(nvidiaSmi.failure)
        ? { action: "finish" }
        : refuse(judgeGpu(facts, { ...gpu, required: true }));
    case "absent": {
      if (isOurs(facts)) return { action: "finish" };
      if (pciDevices.length === 0) return refuse(judgeGpu(facts, { ...gpu, required: true }));
      const refusals = [
        ...judgeMachine(facts),
        ...judgeModules(facts, wish),
        ...judgeSecureBoot(facts),
        ...judgeForeignModule(facts),
      ];
      return refusals.length > 0 ? refuse(refusals) : { action: "install", rebootExpected: facts.gpu.nouveauLoaded };
    }
    default:
      return nvidiaSmi satisfies never;
  }
}

/** Whether an earlier deployment of ours installed the driver; Fabric Manager and the container toolkit come to others' too. */
const isOurs = ({ ours }: Facts) =>
  ours?.ledger.some(
    ({ kind, id }) => kind === "package" && /nvidia|cuda-drivers/.test(id) && !/fabricmanager|container/.test(id),
  ) ?? false;

const BY_HAND = "install the driver yourself and set gpu.driver to check";

function foreignDriver(driver: string, { minimumDriver }: GpuRequirement, wish: DriverWish): Refusal {
  return {
    id: "gpu-driver-foreign",
    what: "Another NVIDIA driver is installed, and it is older than the engine needs",
    found: `driver ${driver}, which is not ours`,
    needed: `driver ${minimumDriver ?? wish.branch} or newer; a driver of somebody else's is not replaced`,
    wayOut: `remove it as it was installed (its packages, or nvidia-uninstall for one from a .run file) and reboot: then up installs branch ${wish.branch}; or update it yourself and set gpu.driver to check`,
  };
}

function judgeMachine(facts: Facts): Refusal[] {
  const { inContainer, virtualization, architecture, os } = facts;
  if (inContainer) {
    return [
      {
        id: "gpu-driver-container",
        what: "The host is a container, whose kernel is not its own",
        found: virtualization ?? "a container",
        needed: "a machine of its own for a driver to be loaded",
        wayOut:
          "install the driver on the machine that the container runs on, hand the GPU over, and set gpu.driver to check",
      },
    ];
  }
  if (architecture === "amd64" || !systemRow(os)) return [];
  return [
    {
      id: "gpu-driver-architecture",
      what: "This release knows no driver's packages for the host's architecture",
      found: architecture,
      needed: "amd64",
      wayOut: BY_HAND,
    },
  ];
}

function judgeModules({ gpu }: Facts, { modules }: DriverWish): Refusal[] {
  const unfit = gpu.pciDevices.filter(({ device }) => !modulesOf(device).includes(modules));
  if (unfit.length === 0) return [];
  const other = modules === "open" ? "proprietary" : "open";
  const otherFits = gpu.pciDevices.every(({ device }) => modulesOf(device).includes(other));
  return [
    {
      id: "gpu-driver-modules",
      what: `The ${modules} kernel modules do not drive every GPU of the host`,
      found: unfit.map(({ address, device }) => `${describePciGpu(device)} at ${address}`).join(", "),
      needed: modules === "open" ? "Turing (compute capability 7.5) or newer" : "a generation before Blackwell",
      wayOut: otherFits
        ? `set gpu.modules to ${other}; or ${BY_HAND}`
        : "no driver runs all of them: take out the older or the newer GPUs",
    },
  ];
}

function judgeSecureBoot({ os, secureBoot }: Facts): Refusal[] {
  const row = systemRow(os);
  if (secureBoot === "off" || secureBoot === "none" || !row || hasSignedModules(row)) return [];
  return [
    {
      id: "gpu-driver-secure-boot",
      what: "Secure Boot would not load the driver's modules, which are built on the host and signed by nobody that the firmware knows",
      found: secureBoot === "on" ? "Secure Boot is on" : "EFI firmware that does not tell whether Secure Boot is on",
      needed: "Secure Boot off, or a system with signed modules (Ubuntu)",
      wayOut: `enrol a key for DKMS at the machine's console (mokutil --import), ${BY_HAND}; or switch Secure Boot off in the firmware; or choose a host with Ubuntu`,
    },
  ];
}

/** A module without its programs is what a .run file or a half removed driver leaves. */
function judgeForeignModule({ gpu: { installedDriver, loadedDriver } }: Facts): Refusal[] {
  const found = loadedDriver ?? installedDriver;
  if (found === null) return [];
  return [
    {
      id: "gpu-driver-remains",
      what: "A module of an NVIDIA driver is there, but not its nvidia-smi",
      found: `module ${found}${loadedDriver === null ? "" : ", loaded"}`,
      needed: "a whole driver, or none",
      wayOut: `remove what is left of it (packages named nvidia*, or nvidia-uninstall for one from a .run file) and reboot; or complete it, and set gpu.driver to check`,
    },
  ];
}

/** What is going to happen, for people. */
export function driverNotice(facts: Facts, wish: DriverWish, decision: DriverDecision): Refusal[] {
  const devices = facts.gpu.pciDevices.map(({ device }) => describePciGpu(device)).join(", ");
  const consent = wish.reboot
    ? "up reboots the host then"
    : "up ends there then and goes on after a reboot by hand; with gpu.reboot it reboots by itself";
  switch (decision.action) {
    case "install":
      return [
        {
          id: "gpu-driver-installs",
          what: `NVIDIA's driver of branch ${wish.branch} will be installed, with ${wish.modules} kernel modules`,
          found: `${devices}, without a driver`,
          needed: decision.rebootExpected
            ? `a reboot, since nouveau holds the GPU; ${consent}`
            : `perhaps a reboot; ${consent}`,
          wayOut: `none needed; to leave the host's driver alone, set gpu.driver to check`,
        },
      ];
    case "finish":
      return [
        {
          id: "gpu-driver-finishes",
          what: "The driver that an earlier run installed is not loaded yet",
          found: devices,
          needed: `perhaps a reboot; ${consent}`,
          wayOut: "none needed",
        },
      ];
    case "keep":
    case "refuse":
      return [];
    default:
      return decision satisfies never;
  }
}
