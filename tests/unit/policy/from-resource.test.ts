import { describe, expect, test } from "vitest";
import { judged } from "../../../policy/from-resource";

describe("what a policy sees of Pulumi's resources", () => {
  test("both ends of a connection by way of a bastion, and nothing of their private keys", () => {
    const connection = {
      host: "10.0.0.1",
      hostKey: "h",
      privateKey: "p",
      proxy: { host: "192.0.2.1", privateKey: "p" },
    };
    expect(judged({ type: "command:remote:Command", name: "phase-base", props: { connection } })).toEqual([
      { kind: "connection", name: "phase-base", host: "10.0.0.1", hostKey: "h" },
      { kind: "connection", name: "phase-base", host: "192.0.2.1" },
    ]);
  });

  test.each([
    [{ length: 43, special: false }, 62],
    [{ length: 43 }, 83],
    [{ length: 43, special: false, upper: false, lower: false }, 10],
    [{ length: 43, overrideSpecial: "-_" }, 64],
  ])("of a password %o the characters that it chooses from: %i", (props, alphabet) => {
    const [key] = judged({ type: "random:index/randomPassword:RandomPassword", name: "k", props });
    expect(key).toEqual({ kind: "key", name: "k", length: 43, alphabet });
  });

  test("a container without ports, and nothing of what the rules do not know", () => {
    expect(judged({ type: "docker:index/container:Container", name: "c", props: { image: "i" } })).toEqual([
      { kind: "container", name: "c", image: "i", ports: [] },
    ]);
    expect(judged({ type: "command:local:Command", name: "smoke-run", props: {} })).toEqual([]);
  });
});
