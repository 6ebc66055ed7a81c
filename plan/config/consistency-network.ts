import type { LocatedFault, PropertyPath } from "./faults";
import type { KnownConfig } from "./known";
import { reachesTheInternet, sameNetwork } from "./networks";

/** sshd's port inside a sandbox. */
const SANDBOX_SSH_PORT = 22;

interface Listener {
  readonly path: PropertyPath;
  readonly port: number;
  readonly what: string;
}

/** Two services of one host on one port; the fault stands at the one that can be moved most easily. */
export function portFaults(config: KnownConfig): LocatedFault[] {
  const all = listeners(config);
  return all.flatMap((listener, index): LocatedFault[] => {
    const holder = all.slice(0, index).find(({ port }) => port === listener.port);
    if (holder === undefined) return [];
    return [
      {
        path: listener.path,
        found: String(listener.port),
        expected: `a port of its own; ${listener.port} is ${holder.what}`,
      },
    ];
  });
}

function listeners({ target, engine, gateway }: KnownConfig): Listener[] {
  const listener = (path: PropertyPath, port: number | undefined, what: string): Listener[] =>
    port === undefined ? [] : [{ path, port, what }];
  const [sshKey, ssh] = sshdPort(target);
  const upstream = gateway?.applicationRoute?.upstream?.split(":")[1];
  return [
    ...listener(["target", sshKey], ssh, "the port of SSH"),
    ...listener(["engine", "port"], engine?.kind === "ollama" ? engine.port : undefined, "engine.port"),
    ...listener(["gateway", "port"], gateway?.port, "gateway.port"),
    ...listener(
      ["gateway", "applicationRoute", "upstream"],
      upstream === undefined ? undefined : Number(upstream),
      "the application's",
    ),
  ];
}

/** sshd's port on the host itself, and the key that tells it. */
function sshdPort(target: KnownConfig["target"]): [key: string, port: number | undefined] {
  if (target?.kind !== "ssh") return ["port", target && SANDBOX_SSH_PORT];
  return target.sshdPort === undefined ? ["port", target.port] : ["sshdPort", target.sshdPort];
}

export function tlsFaults({ target, gateway }: KnownConfig): LocatedFault[] {
  const tls = gateway?.tls;
  if (tls?.mode === "off" && target?.kind === "ssh" && tls.accept === undefined) {
    return [
      {
        path: ["gateway", "tls", "accept"],
        found: "TLS off on a host of your own, without consent",
        expected: "plain-http",
        hint: "Keys and prompts would cross the network in clear. Use mode own-ca or files, or consent with `accept: plain-http`.",
      },
    ];
  }
  if (tls?.mode === "files" && tls.certificate !== undefined && tls.certificate === tls.privateKey) {
    return [
      {
        path: ["gateway", "tls", "privateKey"],
        found: "the same file as gateway.tls.certificate",
        expected: "a file of its own for the key",
        hint: "The certificate's file is readable on the host, so a key in it would be too.",
      },
    ];
  }
  return [];
}

export function accessFaults(config: KnownConfig): LocatedFault[] {
  return [...reachFaults(config), ...publicFaults(config), ...repeatFaults(config)];
}

function reachFaults({ target, access }: KnownConfig): LocatedFault[] {
  if (access?.allow === undefined) return [];
  if (
    access.firewall !== undefined &&
    access.firewall !== "off" &&
    target?.kind === "ssh" &&
    access.allow.length === 0
  ) {
    return [
      {
        path: ["access", "allow"],
        found: "no network",
        expected: "at least one address or network",
        hint: "The firewall would let nobody in. Name the machines that use the endpoint, for example 10.20.0.0/16.",
      },
    ];
  }
  if (access.firewall === "off" && access.allow.length > 0) {
    return [
      {
        path: ["access", "allow"],
        found: "networks beside firewall: off",
        expected: "no networks, or another choice of firewall",
        hint: "With the firewall off nothing would hold anybody to this list.",
      },
    ];
  }
  return [];
}

function publicFaults({ access }: KnownConfig): LocatedFault[] {
  if (access?.acceptPublic !== false) return [];
  return (access.allow ?? []).flatMap((network, index): LocatedFault[] => {
    if (network === undefined || !reachesTheInternet(network)) return [];
    return [
      {
        path: ["access", "allow", index],
        found: JSON.stringify(network),
        expected: "a private network, or `acceptPublic: true` beside it",
        hint: "It opens the endpoint to the internet; then only the API keys keep strangers out.",
      },
    ];
  });
}

function repeatFaults({ access }: KnownConfig): LocatedFault[] {
  const allow = access?.allow ?? [];
  return allow.flatMap((network, index): LocatedFault[] => {
    const first = allow.findIndex(
      (other) => network !== undefined && other !== undefined && sameNetwork(network, other),
    );
    if (first === -1 || first === index) return [];
    return [
      {
        path: ["access", "allow", index],
        found: JSON.stringify(network),
        expected: `each network once; it is allow[${first}]`,
      },
    ];
  });
}
