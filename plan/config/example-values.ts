import ipaddr from "ipaddr.js";
import { formatPath, NAMESPACE, type PropertyPath } from "./faults";
import { pinnedRepository } from "./model-source";
import { sameNetwork } from "./networks";
import type { Model, StackConfig } from "./schema";

/** What stands in `Pulumi.prod.yaml` so that it can be previewed as it is, and belongs to nobody. */
const EXAMPLES = {
  hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample+Put+Here+The+Key+Of+Your+Own+Server",
  commit: "0123456789abcdef0123456789abcdef01234567",
  sha256: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
  network: "203.0.113.0/24",
} as const;

/** The addresses that this project's examples take from those for documentation, which no host has (RFC 5737, RFC 3849). */
const DOCUMENTATION = [EXAMPLES.network, "2001:db8::/32"];

/** A value of the example that is still there. */
export interface ExampleValue {
  readonly path: PropertyPath;
  /** What of the example's stands there, as a predicate: `is the example's address 203.0.113.10`. */
  readonly found: string;
  /** What belongs there. */
  readonly wanted: string;
}

/** The example's values in a stack on a host of one's own, in the file's order; without any it can go to its host. */
export function exampleValues({ target, models, access }: StackConfig): ExampleValue[] {
  if (target.kind !== "ssh") return [];
  return [
    ...serverValues(target, ["target"], "host"),
    ...(target.bastion ? serverValues(target.bastion, ["target", "bastion"], "bastion") : []),
    ...models.flatMap((model, index) => modelValues(model, ["models", index])),
    ...access.allow.flatMap((network, index) =>
      sameNetwork(network, EXAMPLES.network)
        ? [
            {
              path: ["access", "allow", index],
              found: `is the example's network ${network}`,
              wanted: "the networks of your clients and of this machine",
            },
          ]
        : [],
    ),
  ];
}

function serverValues(
  { host, hostKey }: { readonly host: string; readonly hostKey: string },
  path: PropertyPath,
  what: "host" | "bastion",
): ExampleValue[] {
  return [
    ...(isDocumentation(host)
      ? [{ path: [...path, "host"], found: `is the example's address ${host}`, wanted: `your ${what}'s` }]
      : []),
    ...(hostKey === EXAMPLES.hostKey
      ? [
          {
            path: [...path, "hostKey"],
            found: `is the example's key ${hostKey}`,
            wanted: `your ${what}'s, which \`ssh-keyscan -t ed25519 <${what}>\` prints`,
          },
        ]
      : []),
  ];
}

function isDocumentation(host: string): boolean {
  if (!ipaddr.isValid(host)) return false;
  const address = ipaddr.process(host);
  return DOCUMENTATION.some((written) => {
    const [network, prefix] = ipaddr.parseCIDR(written);
    return network.kind() === address.kind() && address.match(network, prefix);
  });
}

function modelValues({ source, sha256 }: Model, path: PropertyPath): ExampleValue[] {
  const pinned = pinnedRepository(source);
  return [
    ...(pinned?.commit === EXAMPLES.commit
      ? [
          {
            path: [...path, "source"],
            found: `names the example's commit ${pinned.commit}`,
            wanted: `one of the repository's, of which \`git ls-remote https://huggingface.co/${pinned.repository} main\` prints the newest`,
          },
        ]
      : []),
    ...(sha256 === EXAMPLES.sha256
      ? [
          {
            path: [...path, "sha256"],
            found: `is the example's checksum ${sha256}`,
            wanted: `that of your model's weights${pinned ? "; with 64 zeros in quotes the first `up` downloads them and says what it is" : ""}`,
          },
        ]
      : []),
  ];
}

/** A stack that is still an example was to go to its host; the message is ready for a terminal. */
export class StillAnExample extends Error {
  override readonly name = "StillAnExample";

  constructor(stack: string, values: readonly ExampleValue[]) {
    super(
      [
        `Pulumi.${stack}.yaml still has ${count(values)} of the example. No host was contacted.`,
        values.map(line).join("\n"),
        `npm run preview -- ${stack} shows what would be deployed, with these too.`,
      ].join("\n\n"),
    );
  }
}

/** What is told beside a preview, which takes them; undefined where none is left. */
export function exampleNotice(stack: string, values: readonly ExampleValue[]): string | undefined {
  if (values.length === 0) return undefined;
  return `Pulumi.${stack}.yaml still has ${count(values)} of the example, with which up contacts no host: ${values.map(key).join(", ")}.`;
}

const count = ({ length }: readonly ExampleValue[]) => (length === 1 ? "a value" : `${length} values`);

const key = ({ path }: ExampleValue) => formatPath(path).slice(NAMESPACE.length + 1);

const line = (value: ExampleValue) => `  ${key(value)} ${value.found}: put ${value.wanted}`;
