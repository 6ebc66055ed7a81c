import { z } from "zod";
import { isHostKey } from "../host-key";
import { wordings } from "./wording";

/** A public host key: type and base64, without host name or comment. */
export const hostKey = () =>
  z.string().refine(isHostKey).register(wordings, {
    expected: 'the whole public key of the host, its type first: "ssh-ed25519 AAAA…"',
    type: "public key",
    hint: "`ssh-keyscan -t ed25519 <host>` prints it after the host's name. Compare it with /etc/ssh/ssh_host_ed25519_key.pub on the host itself.",
  });
