import { expect, test } from "vitest";
import { adoptedState, countResources, portableState, sameState } from "../../../../plan/backup/state";

const exported = (salt: string, key: string) =>
  JSON.stringify({
    version: 3,
    deployment: {
      manifest: { time: "2026-11-21T12:00:00Z" },
      secrets_providers: { type: "passphrase", state: { salt } },
      resources: [
        {
          urn: "urn:pulumi:dev::tms-llm::random:index/randomPassword:RandomPassword::client-tms-a",
          outputs: { result: key },
        },
      ],
    },
  });
const EMPTY = '{"version":3,"deployment":{"secrets_providers":{"type":"passphrase","state":{"salt":"here"}}}}';

test("the state in a backup does not depend on the passphrase of the machine that it came from", () => {
  expect(portableState(exported("there", "k"))).not.toContain("there");
});

test("a restored state is protected by what protects the present one, and keeps the rest", () => {
  expect(JSON.parse(adoptedState(portableState(exported("there", "k")), EMPTY))).toEqual(
    JSON.parse(exported("here", "k")),
  );
});

test("two states are the same when they describe the same resources, whatever protects them", () => {
  expect(sameState(exported("here", "k"), portableState(exported("there", "k")))).toBe(true);
  expect(sameState(exported("here", "k"), exported("here", "another"))).toBe(false);
});

test("a stack that was never deployed has no resources", () => {
  expect([countResources(EMPTY), countResources(exported("here", "k"))]).toEqual([0, 1]);
});
