import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decrypt, encrypt, openedBy } from "../../../cli/age";

const CONTENT = Buffer.from("what cannot be made again");

describe("a backup for the holder of an age key", () => {
  let folder: string;
  let identity: string;
  let recipient: string;
  let sealed: Uint8Array;
  const keyFile = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "tms-llm-age-"));
    identity = await generateX25519Identity();
    recipient = await identityToRecipient(identity);
    sealed = await encrypt(CONTENT, { recipients: [recipient] });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("is opened by the file that age-keygen writes", async () => {
    const identityFile = keyFile("key.txt", `# public key: ${recipient}\n${identity}\n`);
    expect(openedBy(sealed)).toBe("identity");
    expect(Buffer.from(await decrypt(sealed, { identityFile }, "x.age"))).toEqual(CONTENT);
  });

  test.each<[string, () => Promise<string>, string]>([
    ["another key", generateX25519Identity, "does not open x.age. Nothing was changed."],
    ["a file without a key", () => Promise.resolve("hello\n"), "holds no private key of age"],
  ])("is not opened by %s", async (_, text, message) => {
    const identityFile = keyFile("other.txt", await text());
    await expect(decrypt(sealed, { identityFile }, "x.age")).rejects.toMatchObject({
      message: expect.stringContaining(message) as string,
      exitCode: 4,
    });
  });

  test("is refused for what is no public key; a private one is not repeated in the message", async () => {
    await expect(encrypt(CONTENT, { recipients: ["age1hello"] })).rejects.toThrow(
      "--recipient is age1hello, which is no public key of age",
    );
    await expect(encrypt(CONTENT, { recipients: [identity] })).rejects.toThrow(
      "--recipient is a private key, which others can now read in this machine's process list; make a new one",
    );
  });
});
