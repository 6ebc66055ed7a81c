import { enginePortClosed } from "./engine-port";
import { pinnedHostKey } from "./host-key";
import { longKeys } from "./keys";
import { licenceAccepted } from "./licence";
import { pinnedArtifacts } from "./pinned";
import { encryptedEndpoint } from "./plain-http";
import type { JudgedResource, Rule, Violation } from "./resource";

/** What no deployment may break, in the order in which it is shown. */
export const RULES: readonly Rule[] = [
  enginePortClosed,
  encryptedEndpoint,
  pinnedArtifacts,
  longKeys,
  licenceAccepted,
  pinnedHostKey,
];

/** Every rule over every resource. */
export const violations = (resources: readonly JudgedResource[]): Violation[] =>
  resources.flatMap((resource) =>
    RULES.flatMap(({ id, judge }) =>
      judge(resource).map((finding) => ({ id, resource: `${resource.kind} ${resource.name}`, ...finding })),
    ),
  );
