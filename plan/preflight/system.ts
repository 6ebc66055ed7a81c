import { compareVersions } from "../compatibility";
import type { Facts } from "../facts";
import { SYSTEMS, systemRow } from "../os";
import type { Refusal } from "./refusal";
import type { Requirements } from "./requirements";

const hasGlibc = ({ glibc }: Facts, floor: string | undefined) =>
  floor === undefined || (glibc !== null && compareVersions(glibc, floor) >= 0);

/** Whether the host is of a kind that can be set up at all. */
export function judgeSystem(facts: Facts, { architecture, glibc, lowestGlibc = glibc }: Requirements): Refusal[] {
  const refusals: Refusal[] = [];
  const { os, systemd } = facts;
  if (!facts.root) {
    refusals.push({
      id: "no-root",
      what: "The preflight did not run as root",
      found: "an unprivileged user",
      needed: "root, or a user with passwordless sudo",
      wayOut: "set target.user to root, or allow that user sudo without a password",
    });
  }
  if (!systemRow(os)) {
    refusals.push({
      id: "operating-system",
      what: "The host's system is not one that this release sets up",
      found: os.pretty,
      needed: SYSTEMS.map(({ name }) => name).join(", "),
      wayOut: "choose a host with one of these systems",
    });
  }
  if (!systemd.running) {
    refusals.push({
      id: "systemd",
      what: "The host is not run by systemd",
      found: facts.inContainer
        ? `a container (${facts.virtualization}) without an init system`
        : "no /run/systemd/system",
      needed: "systemd as process 1",
      wayOut: "choose a host that boots systemd; for a disposable one set target.kind to sandbox",
    });
  } else if (systemd.state === "stopping" || systemd.state === "initializing") {
    refusals.push({
      id: "systemd-state",
      what: "The host is going down or still coming up",
      found: `systemd is ${systemd.state}`,
      needed: "a host that has booted",
      wayOut: "wait until `systemctl is-system-running` says running, then run up again",
    });
  }
  if (architecture !== undefined && facts.architecture !== architecture) {
    refusals.push({
      id: "architecture",
      what: "The host has another processor architecture than the plan was made for",
      found: facts.architecture,
      needed: architecture,
      wayOut: "measure the host again (`npm run facts -- <stack>`), or choose a host of that architecture",
    });
  }
  if (!hasGlibc(facts, glibc)) {
    refusals.push({
      id: "glibc",
      what: "The host's C library is older than this release of the engine needs",
      found: facts.glibc === null ? "no GNU C library" : `glibc ${facts.glibc}`,
      needed: `glibc ${glibc} or newer`,
      wayOut: hasGlibc(facts, lowestGlibc)
        ? "measure the host (`npm run facts -- <stack>`): with its facts file the plan takes the packages for its C library"
        : "choose a host with a newer system; or set engine.kind to ollama",
    });
  }
  return refusals;
}
