import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { anchor, plannedSteps, prepareMaterial, removeAll, runPhase } from "../harness/deployment";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";

/** A process id that nobody has. */
const GONE = 4_194_000;

type Torn = readonly (readonly [string, string])[];

/** What useradd, groupadd and userdel leave that are killed between two of the files that they write. */
const HALF_MADE: Torn = [
  ["a user without the line of its password", "sed -i /^tms:/d /etc/shadow"],
  ["a group without the line of its password", "sed -i /^tms:/d /etc/gshadow"],
];
const HALF_REMOVED: Torn = [
  ["the line of a password without its user", "sed -i /^tms:/d /etc/passwd"],
  ["the line of a group's password without its group", "sed -i /^tms:/d /etc/passwd /etc/shadow /etc/group"],
];
const LOCKED: Torn = [
  [
    "locks of a process that is gone",
    `printf '${GONE}\\0' >/etc/gshadow.lock; printf '${GONE}\\0' >/etc/passwd.${GONE}; touch /etc/subuid.${GONE}`,
  ],
];

describe.skipIf(DOCKER_MISSING)("an account that a killed tool left half made (needs Docker)", () => {
  let host: BareHost;
  let account: readonly Step[];
  let bare: Snapshot;
  let made: Snapshot;

  beforeAll(async () => {
    const material = await prepareMaterial();
    host = await BareHost.start(material.image);
    // An administrator's copies, which have names like those of the tools' locks.
    await host.shell("cp /etc/passwd /etc/passwd.1; cp /etc/group /etc/group.20260101; : >/etc/shadow.20260101");
    bare = await takeSnapshot(host);
    account = plannedSteps(material).filter(({ name }) => name === "account");
    await anchor(host);
    await runPhase(host, "base", account);
    made = await takeSnapshot(host);
  });
  afterAll(() => host.remove());

  beforeEach(async () => {
    await anchor(host);
    await runPhase(host, "base", account);
  });

  test.each([...HALF_MADE, ...HALF_REMOVED, ...LOCKED])("%s: the next run completes it", async (_, tear) => {
    await host.shell(tear);
    await runPhase(host, "base", account);
    expect(differences(made, await takeSnapshot(host), "equivalent")).toEqual([]);
  });

  test.each([...HALF_REMOVED, ...LOCKED])("%s: a removal takes back the rest", async (_, tear) => {
    await host.shell(`${tear}; touch /var/lib/tms-llm/purge`);
    await removeAll(host);
    expect(differences(bare, await takeSnapshot(host), "equivalent")).toEqual([]);
  });

  test("a group of the name that was there before is used, and stays when the account goes", async () => {
    await host.shell("touch /var/lib/tms-llm/purge");
    await removeAll(host);
    await host.shell("groupadd tms");
    const before = await takeSnapshot(host);
    await anchor(host);
    await runPhase(host, "base", account);
    expect(await host.shell("id -gn tms")).toBe("tms");
    await removeAll(host);
    expect(differences(before, await takeSnapshot(host), "equivalent")).toEqual([]);
  });
});
