import type { Facts } from "../facts";
import { firewallManager } from "../firewall";
import { ENGINE_UNIT, isForeignSite, owns } from "./ownership";
import type { Refusal } from "./refusal";
import type { Requirements } from "./requirements";
import { atLeast, atMost } from "./sizes";

/** The home that a service account of ours has; a `tms` user that was there before is used as it is. */
const ACCOUNT_HOME = "/opt/llm";
const APPLICATION_SITE = "sqltms.info.conf";
// 2026-01-01: a clock before the first release of this project is wrong.
const EARLIEST_TIME = 1_767_225_600;

/** What does not stand in the way, but will be asked about later. */
export function warn(facts: Facts, { memoryBytes, firewall = "auto" }: Requirements): Refusal[] {
  const { memory, tmsUser, nginx, docker } = facts;
  const warnings: Refusal[] = [];
  const engineRuns = facts.services.some((service) => service.name === ENGINE_UNIT && service.active);
  if (!engineRuns && memoryBytes <= memory.totalBytes && memoryBytes > memory.availableBytes) {
    warnings.push({
      id: "memory-in-use",
      what: "Other programs hold memory that the models will need",
      found: `${atMost(memory.availableBytes)} available of ${atMost(memory.totalBytes)}`,
      needed: atLeast(memoryBytes),
      wayOut: "stop what is not needed on the host (`ps aux --sort=-rss | head`), or choose smaller models",
    });
  }
  if (
    tmsUser &&
    !owns(facts, ["user"], "tms") &&
    (tmsUser.home !== ACCOUNT_HOME || !/\/(nologin|false)$/.test(tmsUser.shell))
  ) {
    warnings.push({
      id: "account-exists",
      what: "There is a user tms already; it is used as it is",
      found: `uid ${tmsUser.uid}, home ${tmsUser.home}, shell ${tmsUser.shell}`,
      needed: `nothing; a user of ours would have home ${ACCOUNT_HOME} and no login`,
      wayOut: "none needed; to have the engine under an account that nobody logs in to, rename that user first",
    });
  }
  const site = nginx.sites.find(({ path, target }) =>
    [path, target].some((file) => file.endsWith(`/${APPLICATION_SITE}`)),
  );
  if (site && isForeignSite(facts, site)) {
    warnings.push({
      id: "application-site",
      what: "The application's nginx site is there already; it is left alone",
      found: `${site.path} with server_name ${site.serverNames.join(" ")} on port ${site.ports.join(", ")}`,
      needed: "nothing; requests to that site do not pass the gateway",
      wayOut: "none needed; for /api/llm/ behind the gateway set gateway.applicationRoute",
    });
  }
  if (docker.kind !== "absent" && firewall !== "off") {
    warnings.push({
      id: "docker-passes-firewall",
      what: `Ports that containers publish pass by ${firewallManager(firewall, facts.os.family)}`,
      found: `Docker ${docker.version ?? ""}`.trim(),
      needed: "nothing of ours is published by Docker",
      wayOut: "publish containers' ports on 127.0.0.1 only",
    });
  }
  if (facts.time < EARLIEST_TIME) {
    warnings.push({
      id: "clock",
      what: "The host's clock is wrong: certificates will not be valid",
      found: new Date(facts.time * 1000).toISOString(),
      needed: "the present",
      wayOut: "on the host: timedatectl set-ntp true",
    });
  }
  return warnings;
}
