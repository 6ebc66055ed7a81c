import { linesLeftOut, WHOLE_HARDENING_SINCE } from "../catalog/systemd";
import { DEFAULT_EXISTING } from "../existing";
import type { Facts } from "../facts";
import { firewallManager } from "../firewall";
import { applicationSite, foreignEngines } from "./occupants";
import { ourEngineRuns, owns } from "./ownership";
import type { Refusal } from "./refusal";
import type { Requirements } from "./requirements";
import { atLeast, atMost } from "./sizes";

/** The home that a service account of ours has; a `tms` user that was there before is used as it is. */
const ACCOUNT_HOME = "/opt/llm";
// 2026-01-01: a clock before the first release of this project is wrong.
const EARLIEST_TIME = 1_767_225_600;

/** What does not stand in the way, but will be asked about later. */
export function warn(
  facts: Facts,
  { memoryBytes, firewall = "auto", existing = DEFAULT_EXISTING }: Requirements,
): Refusal[] {
  const { memory, tmsUser, docker } = facts;
  const warnings: Refusal[] = [];
  if (!ourEngineRuns(facts) && memoryBytes <= memory.totalBytes && memoryBytes > memory.availableBytes) {
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
  for (const { service, choice } of foreignEngines(facts, existing)) {
    if (choice === "adopt") {
      warnings.push({
        id: "service-adopted",
        what: `${service.name} will be stopped, and comes back when the deployment goes`,
        found: service.active ? "running" : "starts at boot",
        needed: "its memory and its port, for ours",
        wayOut: "none needed; whoever asks it directly has to move to the gateway",
      });
    } else if (choice === "leave") {
      warnings.push({
        id: "service-left",
        what: `${service.name} is left alone, beside ours`,
        found: service.active ? "running" : "starts at boot",
        needed: "memory for both: what it takes when it loads a model is not known beforehand",
        wayOut: "none needed while both have room; else set engine.memoryMax, or adopt it",
      });
    }
  }
  const site = applicationSite(facts);
  if (site) {
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
  const leftOut = linesLeftOut(facts.systemd.version);
  if (leftOut.length > 0) {
    warnings.push({
      id: "less-hardened",
      what: "The host's systemd does not know every line of our units: it warns, and goes on without them",
      found: `systemd ${facts.systemd.version ?? ""}, without ${leftOut.join(", ")}`,
      needed: `systemd ${WHOLE_HARDENING_SINCE} or newer for the whole hardening`,
      wayOut:
        "none needed: capabilities, file system, devices and system calls are closed there too, but the engine sees other users' processes; for all of it choose a host with a newer system",
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
