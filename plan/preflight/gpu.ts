import { describePciGpu } from "../catalog/gpus";
import type { ComputeFloor } from "../compute-floor";
import type { Facts } from "../facts";
import type { NvidiaSmiFailure } from "../nvidia-smi";
import { driverLine, headerPackages, isUek, systemRow } from "../os";
import { deviceWarnings, REPAIR_WAY, unusableDevices } from "./gpu-devices";
import type { Refusal } from "./refusal";

export interface GpuRequirement {
  /** Whether the engine must run on a GPU; else it falls back to the CPU and a GPU in trouble is a warning. */
  readonly required: boolean;
  /** Whether a GPU whose driver is installed has to work, where one is not required: no model is to end up on the CPU unseen. */
  readonly whereDriven?: boolean;
  /** Lowest driver branch that the engine uses a GPU with, e.g. 550; below it the engine takes the CPU without a word. */
  readonly minimumDriver?: number;
  /** What the engine and its settings ask of a GPU's generation. */
  readonly floors?: readonly ComputeFloor[];
  /** The GPUs that the engine may use, by the numbers of nvidia-smi; without it all. */
  readonly only?: readonly number[];
  /** Weights of the largest model, as far as the catalogue knows: less memory than this is too little in any case. */
  readonly weightBytes?: number;
}

/** How a driver of the branch that every engine runs with gets onto the host's system. */
function driverGuide({ os, architecture }: Facts): string {
  const row = systemRow(os);
  return `install a driver of branch 580 or newer (${row ? `${row.name}: ${driverLine(row, architecture)}` : "from the distribution or from NVIDIA's repository"}), then reboot`;
}

/** Without the running kernel's headers no module can be built. */
function headersNote({ os, kernel, kernelHeaders }: Facts): string {
  const row = systemRow(os);
  if (kernelHeaders || !row) return "";
  const compiler = isUek(kernel)
    ? "; Oracle's own kernel may be built by a newer gcc-toolset, which DKMS has to be given too: gpu.driver: install does that"
    : "";
  return `; the headers of the running kernel are missing, with which the module is built: install ${headerPackages(row, kernel)}${compiler}`;
}

/** Per failure: what is wrong, and the ways out. */
const ADVICE: Readonly<Record<NvidiaSmiFailure, readonly [what: string, wayOut: string]>> = {
  "version-mismatch": [
    "The loaded NVIDIA driver and its libraries are of different versions",
    "reboot the host, which loads the driver that is installed; hold the nvidia packages (`apt-mark hold`) so that an unattended upgrade does not do this again",
  ],
  "driver-not-loaded": [
    "The NVIDIA driver is installed but not loaded",
    "on the host: `modprobe nvidia` and read `dmesg | tail`; after a kernel upgrade the module must be built again (`dkms status`, kernel headers), then reboot",
  ],
  "no-devices": [
    "The NVIDIA driver runs and sees no GPU",
    "check `lspci -d 10de:` and `dmesg`; a virtual machine needs the GPU passed through, a GPU newer than the driver needs a newer branch",
  ],
  "no-permission": [
    "Access to the NVIDIA devices is denied",
    "on a host with SELinux: `restorecon -v /dev/nvidia*` and `ausearch -m avc -ts recent`; else check the owner and mode of /dev/nvidia*",
  ],
  "access-lost": [
    "The NVIDIA driver answers with an unknown error: the device rules of this control group were lost",
    "where the host is a container: recreate it with the GPU handed over by CDI; else reboot the host",
  ],
  "driver-too-old": [
    "The NVIDIA driver is too old to tell the GPU's compute capability",
    "branch 470 and older do not know the question",
  ],
  "library-missing": [
    "The NVIDIA management library (libnvidia-ml) is missing",
    "install the library package of the same version as the driver (Debian: libnvidia-ml1, Ubuntu: libnvidia-compute-<branch>)",
  ],
  "gpu-lost": [
    "A GPU has fallen off the bus",
    "power the host off and on; if it comes back, check power supply, seating and temperature (`dmesg | grep Xid`)",
  ],
  "power-cable": ["A GPU has a power cable missing or loose", "power the host off and connect the GPU's power cables"],
  "inforom-corrupt": [
    "A GPU's infoROM is corrupt",
    "reset or replace the GPU with its vendor's support; `nvidia-smi -q` names it",
  ],
  faulty: ["Every GPU answers with an error instead of its state", REPAIR_WAY],
  unsupported: [
    "The NVIDIA driver cannot answer for this GPU",
    "check that the GPU is not in a virtualisation mode that hides it, and update the driver",
  ],
  "no-answer": [
    "nvidia-smi gave no answer within 20 s: the driver hangs",
    "read `dmesg | grep -e NVRM -e Xid` on the host, then reboot it",
  ],
  unreadable: [
    "nvidia-smi gave an answer that is not understood",
    "run `nvidia-smi` on the host and correct what it says",
  ],
};

/** Whether a GPU in trouble stands in the way; else it is worth a warning. */
export const stands = ({ gpu }: Facts, { required, whereDriven = false }: GpuRequirement): boolean =>
  required || (whereDriven && gpu.nvidiaSmi.state !== "absent");

const branch = (version: string) => Number(version.split(".")[0]);
const FIRST_LINE = /^.*$/m;

/** What stands between the engine and the host's GPU; empty where all is well or where there is no GPU and none is needed. */
export function judgeGpu(facts: Facts, requirement: GpuRequirement): Refusal[] {
  const { required, minimumDriver } = requirement;
  const { gpu, secureBoot } = facts;
  const { nvidiaSmi, pciDevices, loadedDriver, installedDriver, nouveauLoaded } = gpu;
  const needed = required
    ? "a working NVIDIA GPU"
    : stands(facts, requirement)
      ? "a working NVIDIA GPU, since its driver is installed"
      : "a working NVIDIA GPU, or none: as it is, the engine would run on the CPU";
  const acceptance = !required && stands(facts, requirement) ? "; to accept the CPU, set engine.device to any" : "";
  const devices = pciDevices.map(({ address, device }) => `${describePciGpu(device)} at ${address}`).join(", ");
  const signing =
    secureBoot === "on"
      ? "; Secure Boot is on, so the module must be signed by a key that the firmware knows (Canonical's linux-modules-nvidia packages are, or enrol a key at the console)"
      : "";
  if (facts.wsl) {
    return [
      {
        id: "wsl",
        what: "WSL is not supported: its GPU is reached through Windows, and the engine's unit does not let that in",
        found: `${facts.os.pretty} in Windows' Subsystem for Linux, kernel ${facts.kernel}`,
        needed,
        wayOut: `choose a machine that boots Linux itself, or a virtual machine with the GPU passed through${acceptance}`,
      },
    ];
  }
  switch (nvidiaSmi.state) {
    case "absent":
      if (pciDevices.length > 0) {
        const nouveau = nouveauLoaded ? ", driven by nouveau" : "";
        const blacklist = nouveauLoaded ? "; nouveau must be blacklisted, which the driver's package does" : "";
        return [
          {
            id: "gpu-driver-absent",
            what: "The host has an NVIDIA GPU and no NVIDIA driver",
            found: `${devices}${nouveau}`,
            needed,
            wayOut: `set gpu.driver to install; or ${driverGuide(facts)}${blacklist}${signing}${headersNote(facts)}`,
          },
        ];
      }
      if (!required) return [];
      return [
        {
          id: "gpu-absent",
          what: "The host has no NVIDIA GPU",
          found: "no nvidia-smi, no NVIDIA device on the PCI bus",
          needed,
          wayOut: "choose a host with a GPU, or an engine and a model that run on the CPU",
        },
      ];
    case "failed": {
      const [what, wayOut] = ADVICE[nvidiaSmi.failure];
      const said = FIRST_LINE.exec(nvidiaSmi.text)?.[0].replaceAll(/\p{Cc}/gu, " ") || "no text";
      const loaded = loadedDriver === null ? "no driver loaded" : `driver ${loadedDriver} loaded`;
      const driver = installedDriver === loadedDriver ? loaded : `${loaded}, ${installedDriver ?? "none"} installed`;
      const more: Partial<Record<NvidiaSmiFailure, string>> = {
        "driver-not-loaded": `${signing}${headersNote(facts)}`,
        "driver-too-old": `; ${driverGuide(facts)}`,
      };
      return [
        {
          id: `gpu-${nvidiaSmi.failure}`,
          what,
          found: `nvidia-smi: ${said.slice(0, 160)} (exit code ${nvidiaSmi.exitCode}); ${driver}`,
          needed,
          wayOut: `${wayOut}${more[nvidiaSmi.failure] ?? ""}${acceptance}`,
        },
      ];
    }
    case "ready": {
      const unusable = unusableDevices(nvidiaSmi, requirement, needed).map((refusal) => ({
        ...refusal,
        wayOut: `${refusal.wayOut}${acceptance}`,
      }));
      if (minimumDriver === undefined || branch(nvidiaSmi.driver) >= minimumDriver) return unusable;
      return [
        ...unusable,
        {
          id: "gpu-driver-below-floor",
          what: "The NVIDIA driver is older than the engine needs",
          found: `driver ${nvidiaSmi.driver} with ${nvidiaSmi.devices.map(({ name }) => name).join(", ")}`,
          needed: `driver ${minimumDriver} or newer${required ? "" : "; below it the engine runs on the CPU without a word"}`,
          wayOut: `${driverGuide(facts)}${acceptance}`,
        },
      ];
    }
    default:
      return nvidiaSmi satisfies never;
  }
}

/** What is worth knowing of a GPU whose driver answers, whether it is needed or not. */
export function gpuWarnings({ gpu: { nvidiaSmi }, wsl }: Facts, requirement: GpuRequirement): Refusal[] {
  return nvidiaSmi.state === "ready" && !wsl ? deviceWarnings(nvidiaSmi, requirement) : [];
}
