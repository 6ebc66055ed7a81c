import type { Check } from "./check";
import { allowlist } from "./checks/allowlist";
import { answer } from "./checks/answer";
import { bodyLimit } from "./checks/body-limit";
import { cancel } from "./checks/cancel";
import { digest } from "./checks/digest";
import { embeddings } from "./checks/embeddings";
import { engineVersion } from "./checks/engine-version";
import { errors } from "./checks/errors";
import { health } from "./checks/health";
import { keys } from "./checks/keys";
import { knownKeys } from "./checks/known-keys";
import { korean } from "./checks/korean";
import { models } from "./checks/models";
import { engineListens, firewall } from "./checks/network";
import { overload } from "./checks/overload";
import { placement } from "./checks/placement";
import { rateLimit } from "./checks/rate-limit";
import { streaming } from "./checks/streaming";
import { success } from "./checks/success";
import { tuning } from "./checks/tuning";

/** What each `up` proves, in the order in which a reader wants to see it; seconds. */
export const GATE: readonly Check[] = [
  health,
  keys,
  models,
  answer,
  streaming,
  korean,
  embeddings,
  allowlist,
  bodyLimit,
  firewall,
  engineListens,
  engineVersion,
  placement,
  knownKeys,
  digest,
];

/** All that is known to prove; a minute, more with a slow model. */
export const THOROUGH: readonly Check[] = [...GATE, errors, cancel, tuning, success, overload, rateLimit];
