import { formatPath, NAMESPACE, type Fault } from "./faults";

/** Name of the secret that holds the operator's access token. No generation: what is fetched is the same with any token. */
export const HUGGING_FACE_TOKEN = "huggingface/token";

/**
 * Keys of a stack file whose values are secrets, and the names that the plan has for them. They stand there encrypted
 * (`pulumi config set --secret`), are no part of the configuration, and only the components see them in clear.
 */
export const STACK_SECRETS = {
  huggingFaceToken: { name: HUGGING_FACE_TOKEN, shape: /^[\w.-]{1,256}$/, what: "an access token of Hugging Face's" },
} as const;

export type StackSecret = keyof typeof STACK_SECRETS;

export const isStackSecret = (key: string): key is StackSecret => Object.hasOwn(STACK_SECRETS, key);

/** How a secret comes into a stack file without standing anywhere in clear. */
export const setAdvice = (key: StackSecret) =>
  `\`source <(npm run -s env -- <stack>)\`, then \`pulumi config set --secret ${NAMESPACE}:${key} --stack <stack>\`, which asks for it.`;

/** A secret that stands in the file in clear; never shown. */
export const clearSecret = (key: StackSecret): Fault => ({
  path: formatPath([key]),
  found: "a value in clear (not shown)",
  expected: `${STACK_SECRETS[key].what}, encrypted`,
  hint: `Take the line out, withdraw the token where the file was shared, and set it anew: ${setAdvice(key)}`,
});

/** Why a decrypted value cannot be used; undefined where it can. Never shows it. */
export const secretFault = (key: StackSecret, value: string): string | undefined =>
  STACK_SECRETS[key].shape.test(value)
    ? undefined
    : `${NAMESPACE}:${key} is not ${STACK_SECRETS[key].what} (not shown).\n  needed:  letters, digits and . _ -, such as hf_…\n  way out: ${setAdvice(key)}`;
