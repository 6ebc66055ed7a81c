import { describe, expect, test } from "vitest";
import { stackSchema } from "../../../plan/config/schema";
import {
  changeKeys,
  expiryNotices,
  keyReferences,
  newestSlot,
  type Clients,
  type KeyChange,
  type KeyCommand,
} from "../../../plan/keys";

const NOW = new Date("2026-06-01T12:00:00Z");

const clients = (written: Record<string, unknown>): Clients =>
  stackSchema.parse({
    target: { kind: "sandbox" },
    models: [{ name: "tiny", source: "builtin:tiny" }],
    clients: written,
  }).clients;

/** The slots as a stack file has them. */
const slots = ({ slots: { a, b } }: KeyChange) => ({ ...(a && { a: a.generation }), ...(b && { b: b.generation }) });

describe("changeKeys", () => {
  test.each<[before: Record<string, number>, command: Omit<KeyCommand, "client">, after: Record<string, number>]>([
    [{ a: 1 }, { verb: "rotate" }, { a: 1, b: 2 }],
    [{ b: 2 }, { verb: "rotate" }, { a: 3, b: 2 }],
    [{ a: 1, b: 2 }, { verb: "finish" }, { b: 2 }],
    [{ a: 3, b: 2 }, { verb: "finish" }, { a: 3 }],
    [{ a: 1 }, { verb: "revoke" }, { a: 2 }],
    [{ a: 3, b: 2 }, { verb: "revoke" }, { a: 4 }],
    [{ a: 1, b: 2 }, { verb: "revoke", slot: "a" } as never, { b: 2 }],
    [{ a: 1, b: 2 }, { verb: "revoke", slot: "b" } as never, { a: 1, b: 3 }],
  ])("%j: %j → %j", (before, command, after) => {
    const change = changeKeys("prod", clients({ tms: before }), { ...command, client: "tms" }, NOW);
    expect("slots" in change && slots(change)).toEqual(after);
  });

  test("names the keys that come and go", () => {
    const change = changeKeys("prod", clients({ tms: { a: 3, b: 2 } }), { verb: "revoke", client: "tms" }, NOW);
    expect(change).toMatchObject({ made: ["tms/a/4"], retired: ["tms/a/3", "tms/b/2"] });
  });

  test("gives a new key its last day, and lets the other keep its own", () => {
    const before = clients({ tms: { a: { generation: 1, expires: "2026-07-01" } } });
    expect(changeKeys("prod", before, { verb: "rotate", client: "tms", expires: "2026-12-31" }, NOW)).toMatchObject({
      slots: { a: { generation: 1, expires: "2026-07-01" }, b: { generation: 2, expires: "2026-12-31" } },
    });
  });

  test.each<[clients: Record<string, unknown>, command: KeyCommand, refused: RegExp, wayOut: RegExp]>([
    [{ tms: { a: 1 } }, { verb: "rotate", client: "tsm" }, /no client "tsm"/, /did you mean "tms"\?/],
    [{ tms: { a: 1 }, rag: { a: 1 } }, { verb: "revoke", client: "chat" }, /no client "chat"/, /are tms or rag/],
    [
      { tms: { a: 1, b: 2 } },
      { verb: "rotate", client: "tms" },
      /both slots of tms/,
      /npm run keys -- finish tms --stack prod; .* revoke tms --slot a\|b --stack prod/,
    ],
    [
      { tms: { a: 1 } },
      { verb: "finish", client: "tms" },
      /one key, in slot a/,
      /^npm run keys -- rotate tms --stack prod begins one/,
    ],
    [
      { tms: { a: 1 } },
      { verb: "revoke", client: "tms", slot: "b" },
      /slot b of tms is empty/,
      /in slot a; npm run keys -- list --stack prod/,
    ],
    [
      { tms: { a: 1, expires: "2026-05-31" } },
      { verb: "rotate", client: "tms" },
      /last day, 2026-05-31, is over/,
      /clients\.tms\.expires/,
    ],
  ])("%j: refuses %j, and says what to do", (before, command, refused, wayOut) => {
    const refusal = changeKeys("prod", clients(before), command, NOW);
    expect(refusal).toEqual({
      refused: expect.stringMatching(refused) as string,
      wayOut: expect.stringMatching(wayOut) as string,
    });
  });

  test("never makes a key that there was before, whatever the commands", () => {
    const commands: readonly KeyCommand[] = [
      { verb: "rotate", client: "tms" },
      { verb: "finish", client: "tms" },
      { verb: "revoke", client: "tms" },
      { verb: "revoke", client: "tms", slot: "a" },
      { verb: "revoke", client: "tms", slot: "b" },
    ];
    // Every sequence of five commands.
    const walk = (state: Clients, seen: ReadonlySet<string>, depth: number): void => {
      if (depth === 0) return;
      for (const command of commands) {
        const change = changeKeys("prod", state, command, NOW);
        if ("refused" in change) continue;
        const made = change.made.map((id) => id.split("/").at(-1)!);
        expect(made.filter((generation) => seen.has(generation))).toEqual([]);
        expect(Object.keys(change.slots).length).toBeGreaterThan(0);
        walk({ tms: change.slots }, new Set([...seen, ...made]), depth - 1);
      }
    };
    walk(clients({ tms: { a: 1 } }), new Set(["1"]), 5);
  });
});

test.each([
  [{ a: 1 }, "a"],
  [{ b: 1 }, "b"],
  [{ a: 2, b: 1 }, "a"],
  [{ a: 1, b: 2 }, "b"],
])("of %j the newest key is in slot %s", (written, slot) => {
  expect(newestSlot(clients({ tms: written })["tms"]!)).toBe(slot);
});

test("the order of the clients changes nothing: Pulumi hands them over in another one than the file's", () => {
  const [one, other] = [
    { tms: { a: 1 }, rag: { a: 1 } },
    { rag: { a: 1 }, tms: { a: 1 } },
  ].map((written) => keyReferences(clients(written)));
  expect(one).toEqual(other);
});

describe("the last day of a key", () => {
  test("is the earlier one of the slot's and the client's", () => {
    const written = { a: { generation: 1, expires: "2026-07-01" }, b: 2, expires: "2026-12-31" };
    expect(keyReferences(clients({ tms: written })).map(({ expires }) => expires)).toEqual([
      "2026-07-01",
      "2026-12-31",
    ]);
  });

  test.each([
    ["2026-06-16", []],
    ["2026-06-15", [14]],
    ["2026-06-01", [0]],
    ["2026-05-31", [-1]],
  ])("%s is announced with %j days left", (expires, left) => {
    const notices = expiryNotices(keyReferences(clients({ tms: { a: 1, expires } })), NOW);
    expect(notices.map(({ daysLeft }) => daysLeft)).toEqual(left);
  });
});
