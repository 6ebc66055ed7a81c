import { z } from "zod";
import { wordings } from "./wording";

/** Length in bytes of the key blob (RFC 4253, RFC 5656, RFC 8709); RSA keys differ in length. */
const BLOB_BYTES: Readonly<Record<string, number>> = {
  "ssh-ed25519": 51,
  "ecdsa-sha2-nistp256": 104,
  "ecdsa-sha2-nistp384": 136,
  "ecdsa-sha2-nistp521": 172,
};

const WRITTEN = /^(ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa) ([A-Za-z0-9+/]+={0,2})$/;

/** Whether the blob is whole and of the type that stands before it: a paste that lost its end never matches a host. */
function isHostKey(written: string): boolean {
  const [, type = "", base64 = ""] = WRITTEN.exec(written) ?? [];
  if (type === "") return false;
  const blob = Buffer.from(base64, "base64");
  if (blob.length < 4 + type.length || blob.toString("latin1", 4, 4 + type.length) !== type) return false;
  return blob.length === (BLOB_BYTES[type] ?? Math.max(blob.length, 128));
}

/** A public host key: type and base64, without host name or comment. */
export const hostKey = () =>
  z.string().refine(isHostKey).register(wordings, {
    expected: 'the whole public key of the host, its type first: "ssh-ed25519 AAAA…"',
    type: "public key",
    hint: "`ssh-keyscan -t ed25519 <host>` prints it after the host's name. Compare it with /etc/ssh/ssh_host_ed25519_key.pub on the host itself.",
  });
