import { HostAtWork, measureDrift } from "./drift";
import { CommandFailure } from "./failure";
import type { Project } from "./project";
import { SshError } from "./ssh";
import { isStopped, type Stage } from "./stop-request";

/** Says how things stand after a deployment that did not come to its end. */
export async function explainFailure(project: Project, stage: Stage): Promise<void> {
  const { stack } = project;
  const again = `npm run up -- ${stack}`;
  const host = await hostNow(project);
  if (isStopped()) {
    stage.doing = host.kind === "at work" ? `the host was at work on ${host.phase}` : "deploying";
    stage.consequence =
      host.kind === "at work"
        ? "The host brings that phase to its end by itself; nothing after it was started."
        : "What was done stays as it is; nothing more was started.";
    stage.wayOut = `${again} goes on from there; npm run destroy -- ${stack} takes everything back`;
    return;
  }
  switch (host.kind) {
    case "at work":
      throw new CommandFailure(
        `\nThe line to the host was lost while it was at work on ${host.phase}. The host goes on by itself.`,
        `${again} waits for it, then does the rest`,
      );
    case "out of reach":
      throw new CommandFailure(
        `\nThe host is out of reach now, so ${stack} is not as planned.\n${host.error.message}`,
        `then ${again}; it goes on where it stopped`,
      );
    case "quiet":
      throw new CommandFailure(
        `\n${stack} is not as planned; the message above says why.`,
        `mend that, then ${again}; it goes on where it stopped`,
      );
  }
}

type HostNow =
  | { readonly kind: "at work"; readonly phase: string }
  | { readonly kind: "out of reach"; readonly error: SshError }
  | { readonly kind: "quiet" };

async function hostNow(project: Project): Promise<HostNow> {
  try {
    await measureDrift(project);
  } catch (error) {
    if (error instanceof HostAtWork) return { kind: "at work", phase: error.phase };
    if (error instanceof SshError) return { kind: "out of reach", error };
  }
  return { kind: "quiet" };
}
