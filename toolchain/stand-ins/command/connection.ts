import type { Fields } from "../protocol/inputs";
import { isObject, isUnknown, secret, unwrap, type Properties } from "../protocol/values";

const ENDPOINT_FIELDS: Fields = {
  agentSocketPath: { kind: "string" },
  dialErrorLimit: { kind: "number" },
  host: { kind: "string", required: true },
  hostKey: { kind: "string" },
  password: { kind: "string" },
  perDialTimeout: { kind: "number" },
  port: { kind: "number" },
  privateKey: { kind: "string" },
  privateKeyPassword: { kind: "string" },
  user: { kind: "string" },
};

/** Inputs of a connection, of the SSH server itself and of a proxy before it. */
export const CONNECTION_FIELDS: Fields = { ...ENDPOINT_FIELDS, proxy: { kind: { object: ENDPOINT_FIELDS } } };

/** One SSH server to log in to, with every default filled in. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  readonly privateKey?: string;
  readonly privateKeyPassword?: string;
  readonly agentSocketPath?: string;
  /** A line as in a `.pub` file; the server must show this very key. Without it any key is taken. */
  readonly hostKey?: string;
  /** Failed dials that are put up with; -1 for no limit. */
  readonly dialErrorLimit: number;
  /** Time for one dial, seconds; 0 for no limit. */
  readonly perDialTimeout: number;
}

export interface Connection extends Endpoint {
  readonly proxy?: Endpoint;
}

const DEFAULTS = { user: "root", port: 22, dialErrorLimit: 10, perDialTimeout: 15 };
const KEPT_SECRET = ["password", "privateKey", "privateKeyPassword"];

/**
 * A connection as the official plugin keeps it: the whole is a secret, the passwords and keys in it are secrets of
 * their own, and the defaults are written out, in a proxy as well.
 */
export function normalisedConnection(connection: unknown): unknown {
  const bare = unwrap(connection);
  return secret(isUnknown(bare) || !isObject(bare) ? bare : normalisedEndpoint(bare));
}

function normalisedEndpoint(endpoint: Properties): Properties {
  const result: Properties = { ...DEFAULTS, ...endpoint };
  for (const name of KEPT_SECRET) {
    if (result[name] !== undefined) result[name] = secret(result[name]);
  }
  const proxy = unwrap(result["proxy"]);
  if (isObject(proxy)) result["proxy"] = normalisedEndpoint(proxy);
  return result;
}
