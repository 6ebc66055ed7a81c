import type { LocatedFault } from "./faults";
import type { KnownConfig } from "./known";

/** What the GPU's software and the rest of the stack file get wrong together. */
export function gpuFaults({ gpu, target }: KnownConfig): LocatedFault[] {
  return [
    ...(gpu?.driver === "install" && target?.kind === "sandbox"
      ? [
          {
            path: ["gpu", "driver"],
            found: "install, on a sandbox",
            expected: "check on a sandbox, or no such key",
            hint: "A sandbox has no GPU and no kernel of its own.",
          },
        ]
      : []),
    ...(gpu?.containerToolkit === "install" && target?.kind === "sandbox"
      ? [
          {
            path: ["gpu", "containerToolkit"],
            found: "install, on a sandbox",
            expected: "off on a sandbox, or no such key",
            hint: "A sandbox has no GPU.",
          },
        ]
      : []),
    ...(gpu?.reboot === true && gpu.driver === "check"
      ? [
          {
            path: ["gpu", "reboot"],
            found: "true, with gpu.driver check",
            expected: "false, or gpu.driver install",
            hint: "The host is rebooted for a driver that the deployment installs, and for nothing else.",
          },
        ]
      : []),
  ];
}
