import type { Facts, Listener, Service } from "../facts";
import { firewallManager } from "../firewall";
import { ENGINE_UNIT, isForeignSite, owns } from "./ownership";
import type { Refusal } from "./refusal";
import type { PortRequirement, Requirements } from "./requirements";

/** Units that other installations of an LLM server use. */
const FOREIGN_ENGINE = /^(ollama|kanana-llm|llm-.+)\.service$/;

export function judgePorts(facts: Facts, { ports }: Requirements): Refusal[] {
  const { listeners } = facts;
  if (listeners === null) {
    return [
      {
        id: "ports-unknown",
        what: "It cannot be told which ports of the host are taken",
        found: "no usable `ss` command",
        needed: "iproute2",
        wayOut: "on the host: apt-get install iproute2",
      },
    ];
  }
  return ports.flatMap((requirement) => {
    const holder = listeners.find(
      (listener) => listener.port === requirement.port && !isOurs(facts, listener, requirement),
    );
    if (holder === undefined) return [];
    const setting = requirement.unit === "nginx.service" ? "gateway.port" : "engine.port";
    return [
      {
        id: "port-taken",
        what: `Port ${requirement.port} is taken`,
        found: `${holder.process ?? "an unnamed process"}${holder.unit === null ? "" : ` (${holder.unit})`} listens on ${holder.address}:${holder.port}`,
        needed: `port ${requirement.port} (${setting}) free for ${requirement.unit}`,
        wayOut: `set another ${setting}, or ${howToFree(facts, holder)}`,
      },
    ];
  });
}

function howToFree({ nginx }: Facts, { port, unit }: Listener): string {
  const sites = nginx.sites.filter((site) => site.ports.includes(port)).map(({ path }) => path);
  // The gateway needs nginx itself: only what it serves there is in the way.
  if (unit === "nginx.service" && sites.length > 0) return `take that port out of ${sites.join(" and ")}`;
  return unit?.endsWith(".service")
    ? `stop what holds it (on the host: systemctl disable --now ${unit})`
    : "stop what holds it";
}

/** A unit of ours holds the port; nginx may have been there before, so its sites on the port must be ours too. */
function isOurs(facts: Facts, { unit }: Listener, requirement: PortRequirement): boolean {
  if (unit !== requirement.unit || !owns(facts, ["unit"], unit)) return false;
  return (
    unit !== "nginx.service" ||
    !facts.nginx.sites.some((site) => site.ports.includes(requirement.port) && isForeignSite(facts, site))
  );
}

export function judgeServices(facts: Facts): Refusal[] {
  const foreign = facts.services.filter(({ name }) => !owns(facts, ["unit"], name));
  return [
    ...foreign
      .filter(({ name, active, enabled }) => FOREIGN_ENGINE.test(name) && (active || enabled))
      .map(foreignEngine),
    ...foreign.filter(({ name }) => name === ENGINE_UNIT).map(leftBehind),
  ];
}

const stateOf = ({ active, enabled }: Service) =>
  [active ? "running" : "not running", ...(enabled ? ["starts at boot"] : [])].join(", ");

function foreignEngine(service: Service): Refusal {
  return {
    id: "foreign-service",
    what: `Another LLM server is set up on the host: ${service.name}`,
    found: `${service.path ?? service.name}: ${stateOf(service)}`,
    needed: "one LLM server at a time, since two would take each other's memory and ports",
    wayOut: `on the host: systemctl disable --now ${service.name}; its files and models stay, and \`systemctl enable --now ${service.name}\` brings it back`,
  };
}

function leftBehind(service: Service): Refusal {
  return {
    id: "unit-name-taken",
    what: `A unit with our name is there that this deployment did not make: ${service.name}`,
    found: `${service.path ?? service.name}: ${stateOf(service)}; /var/lib/tms-llm does not list it`,
    needed: "the name free",
    wayOut: `if it is a left-over, on the host: systemctl disable --now ${service.name}${service.path === null ? "" : ` && rm ${service.path}`} && systemctl daemon-reload`,
  };
}

export function judgeAccount({ tmsUser }: Facts): Refusal[] {
  if (tmsUser?.uid !== 0) return [];
  return [
    {
      id: "account-is-root",
      what: "The user tms has root's user id",
      found: "uid 0",
      needed: "no user tms, or an unprivileged one",
      wayOut: "remove that user, or give it a user id of its own",
    },
  ];
}

export function judgeSites(facts: Facts, { ports, serverName }: Requirements): Refusal[] {
  const gatewayPort = ports.find(({ unit }) => unit === "nginx.service")?.port;
  if (serverName === undefined || gatewayPort === undefined) return [];
  return facts.nginx.sites
    .filter(
      (site) => site.serverNames.includes(serverName) && site.ports.includes(gatewayPort) && isForeignSite(facts, site),
    )
    .map((site) => ({
      id: "nginx-site",
      what: `An nginx site already answers to ${serverName}`,
      found: `${site.path} with server_name ${site.serverNames.join(" ")} on port ${gatewayPort}`,
      needed: "the name free on that port",
      wayOut: "set another gateway.serverName or gateway.port, or remove that site",
    }));
}

export function judgeFirewall(
  { services, firewall, os }: Facts,
  { firewall: choice = "auto" }: Requirements,
): Refusal[] {
  const manager = firewallManager(choice, os.family);
  if (manager === "off") return [];
  const others = services.filter(
    ({ name, active, enabled }) =>
      (name === "nftables.service" && (active || enabled)) ||
      (name === "firewalld.service" && manager === "ufw" && (active || enabled)) ||
      // ufw's unit is on also where ufw itself is switched off.
      (name === "ufw.service" && manager === "firewalld" && firewall.ufw === "active"),
  );
  return others.map((service) => ({
    id: "firewall-manager",
    what: `Another firewall manager is in charge: ${service.name}`,
    found: `${service.name}: ${stateOf(service)}`,
    needed: `${manager} alone: two managers clear each other's rules at boot`,
    wayOut: `set access.firewall to off and open the gateway's port there, or on the host: ${service.name === "ufw.service" ? "ufw disable" : `systemctl disable --now ${service.name}`}`,
  }));
}

export function judgeDocker({ docker }: Facts): Refusal[] {
  if (docker.kind === "package") return [];
  return [
    {
      id: "docker",
      what: "The host has no Docker that engines can run in",
      found: {
        absent: "no Docker",
        snap: "Docker as a snap, which cannot see GPUs nor folders outside /home",
        podman: "Podman under Docker's name",
      }[docker.kind],
      needed: "Docker from the distribution's or Docker's packages",
      wayOut:
        docker.kind === "snap"
          ? "on the host: snap remove docker && apt-get install docker.io"
          : "on the host: apt-get install docker.io",
    },
  ];
}
