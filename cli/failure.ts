/** Exit codes of every verb; scripts rely on them. */
export const EXIT = {
  good: 0,
  failed: 1,
  inconclusive: 2,
  internal: 3,
  usage: 4,
  drift: 7,
  // As shells have it for Ctrl-C; so is any other request to stop.
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/**
 * A failure that is told in one message: what, why, way out. Anything else that is thrown is a bug of ours. Without a
 * `wayOut` the message itself says what to do.
 */
export class CommandFailure extends Error {
  constructor(
    message: string,
    readonly wayOut: string | undefined,
    readonly exitCode: ExitCode = EXIT.failed,
  ) {
    super(message);
  }
}

/** The command line or a stack file is at fault; nothing was touched. */
export class UsageError extends CommandFailure {
  constructor(message: string, wayOut: string) {
    super(message, wayOut, EXIT.usage);
  }
}

/** A person was shown what would happen and did not say yes, so it did not. */
export class Declined extends CommandFailure {}

/** Somebody asked the run to stop, and it did. */
export class Interrupted extends CommandFailure {
  constructor(message: string, wayOut: string) {
    super(message, wayOut, EXIT.interrupted);
  }
}
