import { isHostKey } from "../host-key";
import type { Rule } from "./resource";

export const pinnedHostKey: Rule = {
  id: "pinned-host-key",
  demand: "A connection over SSH knows the key of the host that it is meant for.",
  exception: "none",
  judge(resource) {
    if (resource.kind !== "connection") return [];
    const { host, hostKey } = resource;
    if (hostKey !== undefined && isHostKey(hostKey)) return [];
    return [
      {
        what: `Any machine in the place of ${host} would be believed, and would get the keys.`,
        found: hostKey === undefined || hostKey === "" ? "no host key" : "a text that is no whole public key",
        needed: "the host's public key, its type first: ssh-ed25519 AAAA…",
        wayOut: "target.hostKey in the stack file; `ssh-keyscan -t ed25519 <host>` prints it after the host's name",
      },
    ];
  },
};
