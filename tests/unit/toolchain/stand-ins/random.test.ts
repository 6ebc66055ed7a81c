import bcrypt from "bcryptjs";
import { describe, expect, it } from "vitest";
import { randomId, randomPassword, randomString } from "../../../../toolchain/stand-ins/random/resources";
import { randomText, ruleFaults } from "../../../../toolchain/stand-ins/random/text";
import { reveal, secret, UNKNOWN } from "../../../../toolchain/stand-ins/protocol/values";

const context = { urn: "", name: "r", signal: new AbortController().signal, report: () => undefined };

describe("a random text", () => {
  it("has its length and at least what each class demands", () => {
    for (let run = 0; run < 200; run++) {
      const text = randomText({
        length: 10,
        minLower: 2,
        minUpper: 2,
        minNumeric: 2,
        minSpecial: 2,
        overrideSpecial: "-",
      });
      expect(text).toHaveLength(10);
      for (const characters of [/[a-z]/g, /[A-Z]/g, /[0-9]/g, /-/g]) {
        expect(text.match(characters)?.length).toBeGreaterThanOrEqual(2);
      }
    }
  });

  it("keeps to the classes that are on", () => {
    expect(randomText({ length: 400, special: false, upper: false })).toMatch(/^[a-z0-9]{400}$/);
    expect(randomText({ length: 400, special: false, number: false })).toMatch(/^[A-Za-z]{400}$/);
  });

  it("does not show its demanded characters in a fixed place", () => {
    const firsts = Array.from({ length: 200 }, () => randomText({ length: 8, minLower: 1, special: false })[0] ?? "");
    expect(new Set(firsts).size).toBeGreaterThan(20);
  });

  it("is refused with every reason when no text can follow its rules", () => {
    expect(ruleFaults({ length: 3, minLower: 4, lower: false, upper: false, numeric: false, special: false })).toEqual([
      "length must be at least 1 and at least minLower + minUpper + minNumeric + minSpecial, here 4",
      "at least one of lower, upper, numeric and special must be true",
    ]);
  });
});

describe("state as the official plugin writes it", () => {
  it("RandomPassword: secrets wrapped, the id tells nothing, the hash fits", async () => {
    const { id, outputs } = await randomPassword.create({ length: 20, special: false }, context);
    expect(id).toBe("none");
    const { result, bcryptHash, ...open } = outputs;
    expect(open).toEqual({
      __meta: '{"schema_version":"3"}',
      id: "none",
      length: 20,
      lower: true,
      minLower: 0,
      minNumeric: 0,
      minSpecial: 0,
      minUpper: 0,
      number: true,
      numeric: true,
      special: false,
      upper: true,
    });
    const password = reveal(result) as string;
    expect(result).toEqual(secret(password));
    expect(bcryptHash).toEqual(secret(reveal(bcryptHash)));
    expect(reveal(bcryptHash)).toMatch(/^\$2a\$10\$/);
    expect(await bcrypt.compare(password, reveal(bcryptHash) as string)).toBe(true);
  });

  it("RandomString: the text is the id", async () => {
    const { id, outputs } = await randomString.create({ length: 6 }, context);
    expect(outputs).toMatchObject({ id, result: id, __meta: '{"schema_version":"2"}' });
  });

  it("RandomId: the prefix stands before each form but not in the id", async () => {
    const { id, outputs } = await randomId.create({ byteLength: 4, prefix: "p-" }, context);
    expect(outputs).toMatchObject({ id, b64Url: `p-${id}`, hex: `p-${Buffer.from(id, "base64url").toString("hex")}` });
    expect(outputs["dec"]).toBe(`p-${Buffer.from(id, "base64url").readUInt32BE()}`);
  });

  it("a preview knows the defaults and not the result", () => {
    expect(randomPassword.plan({ length: 4 })).toMatchObject({ lower: true, result: secret(UNKNOWN) });
  });

  it("every change makes a new value", () => {
    expect(randomPassword.replacedBy).toBe("all");
  });
});
