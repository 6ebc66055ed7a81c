/** A fault that the user can do something about; printed as it is, without a stack trace. */
export class ToolchainError extends Error {
  /**
   * @param what what failed, one sentence
   * @param why what was found
   * @param wayOut what to do now
   * @param exitCode 3: it could not be done here · 4: usage or configuration
   */
  constructor(
    readonly what: string,
    readonly why: string,
    readonly wayOut: string,
    readonly exitCode: 3 | 4 = 3,
  ) {
    const after = (text: string) => (text.startsWith("\n") ? text : ` ${text}`);
    super(`${what}\n  Why:${after(why)}\n  Way out:${after(wayOut)}`);
    this.name = "ToolchainError";
  }
}
