import { createPrivateKey, X509Certificate } from "node:crypto";

/** A private CA as one PEM text, the key first, then the certificate. */

// Only such lines: the text goes into the quotes of a shell script.
const PEM =
  /^-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n$/;

/** Why a text is no CA, to go on from its name; undefined for one that is. */
export function authorityFault(text: string): string | undefined {
  if (!PEM.test(text)) return "is not one private key and one certificate in PEM";
  try {
    const certificate = new X509Certificate(text.slice(text.indexOf("-----BEGIN CERTIFICATE")));
    if (!certificate.ca) return "has a certificate that is no CA's";
    return certificate.checkPrivateKey(createPrivateKey(text)) ? undefined : "has a key that is not its certificate's";
  } catch (error) {
    return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}
