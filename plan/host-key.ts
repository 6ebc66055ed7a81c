/** Length in bytes of the key blob (RFC 4253, RFC 5656, RFC 8709); RSA keys differ in length. */
const BLOB_BYTES: Readonly<Record<string, number>> = {
  "ssh-ed25519": 51,
  "ecdsa-sha2-nistp256": 104,
  "ecdsa-sha2-nistp384": 136,
  "ecdsa-sha2-nistp521": 172,
};

const WRITTEN = /^(ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa) ([A-Za-z0-9+/]+={0,2})$/;

/** Whether the blob is whole and of the type that stands before it: a paste that lost its end never matches a host. */
export function isHostKey(written: string): boolean {
  const [, type = "", base64 = ""] = WRITTEN.exec(written) ?? [];
  if (type === "") return false;
  const blob = Buffer.from(base64, "base64");
  if (blob.length < 4 + type.length || blob.toString("latin1", 4, 4 + type.length) !== type) return false;
  return blob.length === (BLOB_BYTES[type] ?? Math.max(blob.length, 128));
}
