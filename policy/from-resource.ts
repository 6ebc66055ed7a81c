import type { JudgedResource, JudgedStep, PublishedPort } from "../plan/rules/resource";

/** A resource as Pulumi's engine shows it to a policy. */
export interface EngineResource {
  readonly type: string;
  readonly name: string;
  // The engine's own type: what stands there depends on the type.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly props: Record<string, any>;
}

/** What the rules have to say something about; nothing for any other resource. */
export function judged({ type, name, props }: EngineResource): JudgedResource[] {
  switch (type) {
    case "tms-llm:host:Step": {
      const { inputs, files, artifacts, terms } = props as Pick<JudgedStep, "inputs" | "files" | "artifacts" | "terms">;
      return [{ kind: "step", name, inputs, files, artifacts, terms }];
    }
    case "command:remote:Command":
    case "command:remote:CopyToRemote": {
      const host = props["connection"] as Endpoint & { readonly proxy?: Endpoint };
      return [host, ...(host.proxy ? [host.proxy] : [])].map((end) => connection(name, end));
    }
    case "random:index/randomPassword:RandomPassword":
      return [{ kind: "key", name, length: props["length"] as number, alphabet: alphabet(props) }];
    case "random:index/randomBytes:RandomBytes":
      return [{ kind: "key", name, length: props["length"] as number, alphabet: 256 }];
    case "docker:index/container:Container": {
      const { image, ports } = props as { image: string; ports?: readonly PublishedPort[] };
      return [{ kind: "container", name, image, ports: ports ?? [] }];
    }
    default:
      return [];
  }
}

interface Endpoint {
  readonly host: string;
  readonly hostKey?: string;
}

const connection = (name: string, { host, hostKey }: Endpoint): JudgedResource => ({
  kind: "connection",
  name,
  host,
  ...(hostKey === undefined ? {} : { hostKey }),
});

/** Of the provider's own set, which an empty `overrideSpecial` stands for, too. */
const SPECIAL_CHARACTERS = 21;

/** How many characters a RandomPassword chooses from; each kind is in unless it is left out. */
function alphabet(props: EngineResource["props"]): number {
  const special = (props["overrideSpecial"] as string | undefined)?.length || SPECIAL_CHARACTERS;
  const sizes = Object.entries({ lower: 26, upper: 26, numeric: 10, special });
  return sizes.reduce((sum, [kind, size]) => sum + (props[kind] === false ? 0 : size), 0);
}
