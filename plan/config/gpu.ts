import { z } from "zod";
import { DRIVER_BRANCHES } from "../catalog/drivers";
import { text, wordings } from "./wording";

/** The part of a stack file that says what becomes of the GPU's own software. */

const branches = DRIVER_BRANCHES.join(", ");

export const gpuSchema = z.strictObject({
  driver: z
    .enum(["check", "install"])
    .default("check")
    .describe(
      "NVIDIA's driver. `check`: it is the operator's, and has to work where a GPU is expected. `install`: where there is none, the deployment installs one and holds it at its version; it stays when the deployment goes, unless purged.",
    ),
  branch: z
    .number()
    .int()
    .refine((branch) => DRIVER_BRANCHES.includes(branch))
    .register(wordings, { expected: `a branch of the catalogue of drivers: ${branches}`, type: "whole number" })
    .default(DRIVER_BRANCHES[0]!)
    .describe(`Branch of the driver that is installed: ${branches}.`),
  modules: z
    .enum(["open", "proprietary"])
    .default("open")
    .describe(
      "Kernel modules of the driver that is installed. `open` is for Turing (compute capability 7.5) and newer, `proprietary` for what is older.",
    ),
  containerToolkit: z
    .enum(["off", "install"])
    .default("off")
    .describe(
      "NVIDIA's container toolkit, for containers of your own in the Docker that the host has. `install` brings one pinned release where there is none, adds its runtime to Docker's configuration, restarts Docker once, and fails where a container does not see the GPU.",
    ),
  containerImage: text(/^[a-z0-9][a-z0-9._\/:@-]*$/, { expected: "an image as docker run takes it", type: "image" })
    .optional()
    .describe(
      "What that container is made of, where it has to be an image of your own: one with the GNU C library, by its digest (`ubuntu@sha256:…`), since [a policy](operate/policy.md) refuses a tag. Without this key nothing is fetched: the host makes a small image of its own files, and gives it up after the proof.",
    ),
  reboot: z
    .boolean()
    .default(false)
    .describe(
      "The consent that `npm run up` reboots the host where only that loads the installed driver, waits for it and goes on. Without it the run ends there, and the next one goes on.",
    ),
});
