import { utils } from "ssh2";

export interface SshKeyPair {
  /** In OpenSSH's own form. */
  readonly private: string;
  /** One line, as in `authorized_keys`. */
  readonly public: string;
}

/** A new ed25519 pair. ssh2 1.17.0 drops a leading zero byte of the public key, so that one pair in 256 cannot be read again. */
export function newSshKeyPair(): SshKeyPair {
  for (;;) {
    const pair = utils.generateKeyPairSync("ed25519");
    if (!(utils.parseKey(pair.private) instanceof Error)) return pair;
  }
}
