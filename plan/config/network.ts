import { z } from "zod";
import { fixedAddressSchema } from "./fixed-address";
import { hostName } from "./networks";
import { text, wordings } from "./wording";

/** The part of a stack file that says how the host gets out, whom it knows by name, and where it is. */

const address = () =>
  z.union([z.ipv4(), z.ipv6()]).register(wordings, { expected: "an address, IPv4 or IPv6", type: "address" });

export const networkSchema = z.strictObject({
  // A password would stand in the state, in unit files and in the process list.
  proxy: text(/^https?:\/\/[^\s/@'"\\$`]+:\d{1,5}$/, {
    expected: "http://<server>:<port>, without user and password",
    type: "URL",
    hint: "A proxy that asks for a password is best met by a forwarder on the host, such as cntlm, or by letting the host in by its address.",
  })
    .optional()
    .describe(
      "Proxy by which the host reaches packages, downloads and models. In force for our own work and the engine alone, not for the rest of the host.",
    ),
  noProxy: z
    .array(
      text(/^\.?[a-zA-Z0-9:][a-zA-Z0-9.:/-]*$/, {
        expected: "a name, a domain such as .internal, or a network",
        type: "name",
      }),
    )
    .default([])
    .describe(
      "Names, domains and networks that the host reaches without the proxy. Loopback never goes by it. A network is heeded by Ollama, uv and curl from 7.86 on alone: apt, dnf and the curl of Ubuntu 22.04 and of RHEL's family want names or single addresses.",
    ),
  hosts: z
    .record(hostName(), address())
    .default({})
    .describe("Names that the host is to know, such as those of mirrors, with their addresses: lines of `/etc/hosts`."),
  address: fixedAddressSchema
    .optional()
    .describe(
      "A fixed address of the host, set at the end of `npm run up` and kept only when this machine reaches the host there; hosts of one's own alone.",
    ),
});

export type Network = z.output<typeof networkSchema>;
