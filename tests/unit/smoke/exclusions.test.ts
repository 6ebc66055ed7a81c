import { expect, test } from "vitest";
import { exclusionFault } from "../../../smoke/exclusions";
import { GATE } from "../../../smoke/sets";

test("checks of the set may be left out", () => {
  expect(exclusionFault(["digest", "body-limit"])).toBeUndefined();
  expect(exclusionFault([])).toBeUndefined();
});

test("every name that is no check is told at once, with the one that was probably meant", () => {
  expect(exclusionFault(["digets", "digest", "bodylimit", "everything"], GATE.slice(-7))).toMatchInlineSnapshot(
    `"no such check: "digets" (did you mean "digest"?), "bodylimit" (did you mean "body-limit"?), "everything"; the checks are body-limit, firewall, engine-loopback, engine-version, placement, known-keys, digest"`,
  );
});
