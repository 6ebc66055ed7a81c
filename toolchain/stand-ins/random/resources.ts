import { randomBytes, randomInt } from "node:crypto";
import { genSalt, hash } from "bcryptjs";
import type { ResourceType } from "../protocol/provider";
import { hasUnknown, reveal, secret, UNKNOWN, type Properties } from "../protocol/values";
import { randomText, ruleFaults, TEXT_FIELDS, withDefaults } from "./text";

/** Cost of the official plugin's bcryptHash. */
const BCRYPT_COST = 10;

/** What the bridged official plugin notes in the state beside the outputs. */
const schemaVersion = (version: number): Properties => ({
  __meta: JSON.stringify({ schema_version: String(version) }),
});

const textRules: Pick<ResourceType, "fields" | "replacedBy" | "check"> = {
  fields: TEXT_FIELDS,
  replacedBy: "all",
  check: (inputs) => ({ inputs, faults: hasUnknown(inputs) ? [] : ruleFaults(inputs) }),
};

/** `random:index/randomPassword:RandomPassword`: the text and its bcrypt hash are secrets, the id tells nothing. */
export const randomPassword: ResourceType = {
  ...textRules,
  plan: (inputs) => ({ ...withDefaults(inputs), result: secret(UNKNOWN), bcryptHash: secret(UNKNOWN) }),
  async create(inputs) {
    const result = randomText(inputs);
    // Go's bcrypt marks its hashes 2a, this library 2b; the algorithm is the same.
    const salt = (await genSalt(BCRYPT_COST)).replace("$2b$", "$2a$");
    const bcryptHash = await hash(result, salt);
    const outputs = { ...withDefaults(inputs), ...schemaVersion(3), id: "none" };
    return { id: "none", outputs: { ...outputs, result: secret(result), bcryptHash: secret(bcryptHash) } };
  },
};

/** `random:index/randomString:RandomString`: the text is the id, in clear. */
export const randomString: ResourceType = {
  ...textRules,
  plan: (inputs) => ({ ...withDefaults(inputs), result: UNKNOWN }),
  create(inputs) {
    const result = randomText(inputs);
    return { id: result, outputs: { ...withDefaults(inputs), ...schemaVersion(2), id: result, result } };
  },
};

/** `random:index/randomId:RandomId`: the id is the base64url form without the prefix. */
export const randomId: ResourceType = {
  fields: {
    byteLength: { kind: "number", required: true },
    keepers: { kind: "stringMap" },
    prefix: { kind: "string" },
  },
  replacedBy: "all",
  plan: (inputs) => ({ ...inputs, b64Std: UNKNOWN, b64Url: UNKNOWN, dec: UNKNOWN, hex: UNKNOWN }),
  create(inputs) {
    const { byteLength, prefix = "" } = reveal(inputs) as { byteLength: number; prefix?: string };
    const bytes = randomBytes(byteLength);
    const id = bytes.toString("base64url");
    const outputs = {
      ...inputs,
      id,
      b64Std: prefix + bytes.toString("base64"),
      b64Url: prefix + id,
      dec: prefix + BigInt(`0x${bytes.toString("hex")}`).toString(),
      hex: prefix + bytes.toString("hex"),
    };
    return { id, outputs };
  },
};

/**
 * `random:index/randomBytes:RandomBytes`. As with the official plugin the id is the value, in clear in the state: use
 * RandomPassword for what must stay secret.
 */
export const randomBytesResource: ResourceType = {
  fields: { keepers: { kind: "stringMap" }, length: { kind: "number", required: true } },
  replacedBy: "all",
  plan: (inputs) => ({ ...inputs, base64: secret(UNKNOWN), hex: secret(UNKNOWN) }),
  create(inputs) {
    const { length } = reveal(inputs) as { length: number };
    const bytes = randomBytes(length);
    const base64 = bytes.toString("base64");
    return { id: base64, outputs: { ...inputs, base64: secret(base64), hex: secret(bytes.toString("hex")) } };
  },
};

/** `random:index/randomInteger:RandomInteger`, without `seed`: that one is bound to Go's own generator. */
export const randomInteger: ResourceType = {
  fields: {
    keepers: { kind: "stringMap" },
    max: { kind: "number", required: true },
    min: { kind: "number", required: true },
  },
  replacedBy: "all",
  check(inputs) {
    const { min, max } = reveal(inputs) as { min: number; max: number };
    const known = !hasUnknown(inputs);
    return { inputs, faults: known && max < min ? [`max must be at least min, found min ${min} and max ${max}`] : [] };
  },
  plan: (inputs) => ({ ...inputs, result: UNKNOWN }),
  create(inputs) {
    const { min, max } = reveal(inputs) as { min: number; max: number };
    const result = randomInt(min, max + 1);
    return { id: String(result), outputs: { ...inputs, id: String(result), result } };
  },
};
