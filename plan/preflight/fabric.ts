import type { Facts } from "../facts";
import { systemRow } from "../os";
import type { Refusal } from "./refusal";

/**
 * GPUs behind NVSwitches: nvidia-smi answers, and CUDA does not start (error 802, system not yet initialized) until Fabric
 * Manager, of the very same version as the driver, has set up their links.
 */
interface FabricVerdict {
  /** CUDA would not start. `mendable` where the step that installs a driver installs or starts what is missing. */
  readonly refusals: readonly (Refusal & { readonly mendable: boolean })[];
  readonly warnings: readonly Refusal[];
}

const NOTHING: FabricVerdict = { refusals: [], warnings: [] };
const READY = "Completed";

export function judgeFabric(facts: Facts): FabricVerdict {
  const { fabric, gpu, inContainer } = facts;
  if (fabric === undefined || gpu.nvidiaSmi.state !== "ready") return NOTHING;
  const { driver } = gpu.nvidiaSmi;
  const waiting = [...new Set(fabric.states.filter((state) => state !== READY))].join(", ");
  if (fabric.switches === 0) return waiting === "" ? NOTHING : { refusals: [], warnings: [orphaned(waiting)] };
  if (waiting === "" && (fabric.states.length > 0 || inContainer)) return NOTHING;
  const fault = managerFault(facts, fabric, driver, waiting);
  return fault ? { refusals: [fault], warnings: [] } : NOTHING;
}

function managerFault(
  { os, inContainer }: Facts,
  { switches, managerVersion, managerActive }: NonNullable<Facts["fabric"]>,
  driver: string,
  waiting: string,
): (Refusal & { mendable: boolean }) | undefined {
  const state = waiting === "" ? "" : `; fabric.state: ${waiting}`;
  const found = (manager: string) => `${switches} NVSwitches, driver ${driver}, ${manager}${state}`;
  const needed = `Fabric Manager ${driver}, running: without it CUDA says 802, system not yet initialized`;
  if (inContainer)
    return {
      id: "gpu-fabric",
      what: "The fabric of the NVSwitches is not set up",
      found: `${switches} NVSwitches${state}`,
      needed,
      wayOut: "on the machine that the container runs on: systemctl enable --now nvidia-fabricmanager",
      mendable: false,
    };
  if (managerVersion === null || managerVersion !== driver)
    return {
      id: managerVersion === null ? "gpu-fabric-manager-absent" : "gpu-fabric-manager-version",
      what:
        managerVersion === null
          ? "The host has NVSwitches and no Fabric Manager"
          : "Fabric Manager is of another version than the driver",
      found: found(managerVersion === null ? "no nv-fabricmanager" : `Fabric Manager ${managerVersion}`),
      needed,
      wayOut: `set gpu.driver to install, which leaves a driver that works as it is and adds what is missing; or on the host: ${installation(os, driver)}, then systemctl enable --now nvidia-fabricmanager`,
      mendable: true,
    };
  if (!managerActive)
    return {
      id: "gpu-fabric-manager-down",
      what: "Fabric Manager does not run",
      found: found(`Fabric Manager ${managerVersion}, not running`),
      needed,
      wayOut:
        "on the host: systemctl enable --now nvidia-fabricmanager; where it ends again: journalctl -u nvidia-fabricmanager; or set gpu.driver to install, which does the first",
      mendable: true,
    };
  if (waiting === "") return undefined;
  return {
    id: "gpu-fabric",
    what: "The fabric of the NVSwitches is not set up, although Fabric Manager runs",
    found: found(`Fabric Manager ${managerVersion}`),
    needed: `fabric.state: ${READY} of every GPU; until then CUDA says 802, system not yet initialized`,
    wayOut:
      "after a boot, wait a minute and try again; else on the host: journalctl -u nvidia-fabricmanager; dmesg | grep -e NVRM -e nvswitch; a reboot resets the links",
    mendable: false,
  };
}

/** The package that is of the driver's version, by what the system's source of drivers calls it. */
function installation(os: Facts["os"], driver: string): string {
  const branch = driver.split(".")[0];
  switch (systemRow(os)?.id) {
    case "ubuntu":
      return `apt-get install nvidia-fabricmanager-${branch}=${driver}-…, of the versions that apt-cache madison lists`;
    case "debian":
      return `apt-get install nvidia-fabricmanager=${driver}-…, of the versions that apt-cache madison lists`;
    default:
      return `dnf install nvidia-fabricmanager-${driver}`;
  }
}

/** A virtual machine that was given one GPU of several. It may have no use for the fabric, so it is not refused. */
const orphaned = (waiting: string): Refusal => ({
  id: "gpu-fabric-unmanaged",
  what: "A GPU waits for a fabric of NVLinks, and the host sees no NVSwitch",
  found: `fabric.state: ${waiting}`,
  needed: `${READY} or N/A; CUDA may say 802, system not yet initialized`,
  wayOut:
    "in a virtual machine with some of a machine's GPUs: Fabric Manager runs outside, see that it has activated this partition; for a GPU that is to work alone: options nvidia NVreg_NvLinkDisable=1 in /etc/modprobe.d, then reboot",
});
