import type { Facts, Listener, Service } from "../facts";
import { choiceFor, DEFAULT_EXISTING, type Existing } from "../existing";
import { firewallManager } from "../firewall";
import { ENGINE_UNIT } from "../step";
import { isForeignSite, owns } from "./ownership";
import type { Refusal } from "./refusal";
import type { PortRequirement, Requirements } from "./requirements";

export function judgePorts(facts: Facts, { ports, existing = DEFAULT_EXISTING }: Requirements): Refusal[] {
  const { listeners, os } = facts;
  if (listeners === null) {
    return [
      {
        id: "ports-unknown",
        what: "It cannot be told which ports of the host are taken",
        found: "no usable `ss` command",
        needed: "iproute2",
        wayOut: `on the host: ${os.family === "rhel" ? "dnf install iproute" : "apt-get install iproute2"}`,
      },
    ];
  }
  return ports.flatMap((requirement) => {
    const holder = listeners.find(
      (listener) =>
        listener.port === requirement.port &&
        !isOurs(facts, listener, requirement) &&
        // It will be stopped before ours starts.
        choiceFor(listener.unit, existing)?.choice !== "adopt",
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

export function judgeServices(facts: Facts, { existing = DEFAULT_EXISTING }: Requirements): Refusal[] {
  const foreign = facts.services.filter(({ name }) => !owns(facts, ["unit"], name));
  return [
    ...foreignEngines(facts, existing)
      .filter(({ choice }) => choice === "refuse")
      .map(({ service, key }) => foreignEngine(service, key)),
    ...givenUp(facts, existing),
    ...foreign.filter(({ name }) => name === ENGINE_UNIT.ollama).map(leftBehind),
  ];
}

const stateOf = ({ active, enabled }: Service) =>
  [active ? "running" : "not running", ...(enabled ? ["starts at boot"] : [])].join(", ");

/** LLM servers that are not ours and run or start at boot, with what the stack file says about them. */
export function foreignEngines(facts: Facts, existing: Existing) {
  return facts.services.flatMap((service) => {
    const said = choiceFor(service.name, existing);
    const there = (service.active || service.enabled) && !owns(facts, ["unit"], service.name);
    return said && there ? [{ service, ...said }] : [];
  });
}

/** Units that this deployment has put to rest, though the stack file no longer says so: they would start beside ours. */
function givenUp({ ours }: Facts, existing: Existing): Refusal[] {
  return (ours?.ledger ?? []).flatMap(({ kind, id }) => {
    const said = kind === "resting" ? choiceFor(id, existing) : undefined;
    if (said === undefined || said.choice === "adopt") return [];
    return [
      {
        id: "adopted-before",
        what: `This deployment stands in the place of ${id}, and the stack file no longer says so`,
        found: `existing.${said.key}: ${said.choice}`,
        needed: "adopt, as long as the deployment lasts: given back now, it would take our memory and ports",
        wayOut: `set existing.${said.key} to adopt; npm run destroy brings ${id} back`,
      },
    ];
  });
}

function foreignEngine(service: Service, key: keyof Existing): Refusal {
  return {
    id: "foreign-service",
    what: `Another LLM server is set up on the host: ${service.name}`,
    found: `${service.path ?? service.name}: ${stateOf(service)}`,
    needed: "one LLM server at a time, since two would take each other's memory and ports",
    wayOut: `set existing.${key} to adopt, which takes its place and brings it back at destroy, or to leave, where there is room for both; or on the host: systemctl disable --now ${service.name}`,
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

export function judgeAccount(facts: Facts, { existing = DEFAULT_EXISTING }: Requirements): Refusal[] {
  const { tmsUser } = facts;
  if (tmsUser && existing.account === "refuse" && !owns(facts, ["user"], "tms")) {
    return [
      {
        id: "account-there",
        what: "There is a user tms already",
        found: `uid ${tmsUser.uid}, home ${tmsUser.home}, shell ${tmsUser.shell}`,
        needed: "no user tms, since existing.account says refuse",
        wayOut: "rename that user on the host, or set existing.account to adopt, which uses it as it is",
      },
    ];
  }
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

/** The site of the application that has its own way to a model server. */
export function applicationSite(facts: Facts) {
  return facts.nginx.sites.find(
    (site) => [site.path, site.target].some((file) => file.endsWith("/sqltms.info.conf")) && isForeignSite(facts, site),
  );
}

export function judgeSites(facts: Facts, requirements: Requirements): Refusal[] {
  const { existing = DEFAULT_EXISTING } = requirements;
  const site = applicationSite(facts);
  return [
    ...(site && existing.applicationSite === "refuse"
      ? [
          {
            id: "application-site-there",
            what: "The application's nginx site is there already",
            found: `${site.path} with server_name ${site.serverNames.join(" ")} on port ${site.ports.join(", ")}`,
            needed: "no such site, since existing.applicationSite says refuse",
            wayOut: "take the site out of nginx, or set existing.applicationSite to leave, which does not touch it",
          },
        ]
      : []),
    ...sameName(facts, requirements),
  ];
}

function sameName(facts: Facts, { ports, serverName }: Requirements): Refusal[] {
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

/** Docker's own packages where the family's distributions have Podman; it has none for Oracle Linux, where CentOS's serve. */
function dockerPackages({ id, family }: Facts["os"]): string {
  if (family !== "rhel") return "apt-get install docker.io";
  return `dnf config-manager --add-repo https://download.docker.com/linux/${id === "rhel" ? "rhel" : "centos"}/docker-ce.repo && dnf install docker-ce && systemctl enable --now docker`;
}

/** What stands in the way of Docker's packages, taken away first. */
const MAKE_ROOM = { absent: "", snap: "snap remove docker && ", podman: "remove podman-docker, then " } as const;

export function judgeDocker({ docker, os }: Facts): Refusal[] {
  if (docker.kind === "package") return [];
  return [
    {
      id: "docker",
      what: "The host has no Docker that can be given the GPU",
      found: {
        absent: "no Docker",
        snap: "Docker as a snap, which cannot see GPUs nor folders outside /home",
        podman: "Podman under Docker's name",
      }[docker.kind],
      needed: "Docker from the distribution's or Docker's packages",
      wayOut: `on the host: ${MAKE_ROOM[docker.kind]}${dockerPackages(os)}`,
    },
  ];
}
