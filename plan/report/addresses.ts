import ipaddr from "ipaddr.js";

/** Addresses of networks and cards, wherever they stand in a text. */

const MAC = /(?<![0-9A-Fa-f:-])(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:-])/g;
// Not the number of a version: v1.2.3.4, package==1.2.3.4, package-1.2.3.4-py3.
const FOUR = /(?<![\d.]|==|\bv)(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d|[-+](?:py|cp|cu)|\.dist-info)/g;
const SIX = /(?<![0-9A-Fa-f:.])(?=[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:)[0-9A-Fa-f:.]+(?![\w])/g;

/** Replaces each address by what `name` says; what is none stays. */
export function replaceAddresses(text: string, name: (address: string) => string): string {
  return text
    .replace(MAC, (mac) => name(mac.toLowerCase()))
    .replace(SIX, (candidate) => {
      const address = candidate.replace(/(?<!:):$|\.+$/, "").replace(/^:(?!:)/, "");
      // Words of six letters in a row of colons, as in C++, have no digit.
      if (!/\d/.test(address) || !ipaddr.IPv6.isValid(address)) return candidate;
      return candidate.replace(address, replaced(address, name));
    })
    .replace(FOUR, (candidate) =>
      ipaddr.IPv4.isValidFourPartDecimal(candidate) ? replaced(candidate, name) : candidate,
    );
}

/** Every address in a text, as {@link replaceAddresses} names it. */
export function addressesIn(text: string): Set<string> {
  const found = new Set<string>();
  replaceAddresses(text, (address) => {
    found.add(address);
    return address;
  });
  return found;
}

function replaced(written: string, name: (address: string) => string): string {
  const address = ipaddr.process(written);
  return identifiesNobody(address, written) ? written : name(address.toString());
}

/** Loopback, "any", a network mask. */
function identifiesNobody(address: ipaddr.IPv4 | ipaddr.IPv6, written: string): boolean {
  return ["loopback", "unspecified", "broadcast"].includes(address.range()) || /^(?:255|0)\./.test(written);
}
