import type { Finding, Rule } from "./resource";

/** Judges what nginx will really read, not what the stack file says of it. */
export const encryptedEndpoint: Rule = {
  id: "encrypted-endpoint",
  demand: "The endpoint speaks TLS.",
  exception: "sandboxes; elsewhere `gateway.tls: { mode: off, accept: plain-http }`",
  judge(resource) {
    if (resource.kind !== "step") return [];
    const { files, terms } = resource;
    if (terms["target"] === "sandbox" || terms["plain_http"] === "accepted") return [];
    return Object.entries(files).flatMap(([path, { text }]) =>
      path.startsWith("/etc/nginx/") ? plainDoors(text).map((line) => finding(line, path)) : [],
    );
  },
};

/** `listen` lines that take plain HTTP from other machines. */
const plainDoors = (text: string): string[] =>
  [...text.matchAll(/^\s*listen\s+([^;]+);/gm)]
    .map(([, directive = ""]) => directive.trim())
    .filter((directive) => !/\bssl\b/.test(directive) && !/^(unix:|127\.|\[::1\]|localhost\b)/.test(directive));

const finding = (directive: string, path: string): Finding => ({
  what: "Keys and prompts would cross the network in clear.",
  found: `listen ${directive}; in ${path}`,
  needed: "listen … ssl, or consent",
  wayOut:
    "gateway.tls: { mode: own-ca } or { mode: files, … }; where the network is trusted, { mode: off, accept: plain-http }",
});
