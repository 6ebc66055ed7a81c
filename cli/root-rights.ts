import type { StackConfig } from "../plan/config/schema";
import { CommandFailure, EXIT } from "./failure";

/** What the operator of a host is told whose user may not become root. */
export function noRoot({ target }: StackConfig): CommandFailure {
  const user = target.kind === "ssh" ? target.user : "root";
  return new CommandFailure(
    `The SSH user ${user} may not become root on the host without a password. Nothing was changed on it.`,
    `on the host, as root: echo '${user} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/${user} && chmod 0440 /etc/sudoers.d/${user}; or set target.user to root`,
    EXIT.internal,
  );
}
