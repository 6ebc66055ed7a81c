/** The endpoint did not answer as HTTP does: refused, reset, not trusted, too late. A failure of what is tested. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";

  constructor(
    message: string,
    /** Whether the limit of time was reached. */
    readonly late = false,
  ) {
    super(message);
  }
}
