import { utils } from "ssh2";
import { expect, it } from "vitest";
import { newSshKeyPair } from "../../../toolchain/ssh-key";

it("makes only key pairs that can be read again, which one in 256 of the library's cannot", () => {
  const unreadable = Array.from({ length: 1500 }, newSshKeyPair).filter(
    (pair) => utils.parseKey(pair.private) instanceof Error || utils.parseKey(pair.public) instanceof Error,
  );
  expect(unreadable.length).toBe(0);
});
