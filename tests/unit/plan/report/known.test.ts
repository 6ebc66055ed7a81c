import { expect, test } from "vitest";
import { secretsIn, secretsInState, spellings } from "../../../../plan/report/known";

const MARK = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };

test("Pulumi's state tells its secrets wherever they are nested, and nothing else", () => {
  const state = {
    deployment: {
      resources: [
        {
          outputs: { result: { ...MARK, plaintext: JSON.stringify("theKeyOfTms") }, length: 43, name: "in-the-clear" },
        },
        { outputs: { keys: { ...MARK, plaintext: JSON.stringify({ tms: "theKeyOfTms", rag: ["theKeyOfRag"] }) } } },
        {
          inputs: {
            connection: {
              ...MARK,
              plaintext: JSON.stringify({ host: "127.0.0.1", user: "operator", privateKey: "thePrivateKey" }),
            },
            stdin: { ...MARK, plaintext: JSON.stringify("# of tms\nLLM_API_KEY=theKeyInIt\nLLM_MODEL_NAME=tiny\n") },
          },
        },
      ],
    },
  };
  expect(secretsInState(JSON.stringify(state))).toEqual(["theKeyOfTms", "theKeyOfRag", "thePrivateKey", "theKeyInIt"]);
});

test.each([
  ["nginx's list of keys", '    "~^(?i:Bearer) +theKeyOfTms$" tms/a/1;', ["theKeyOfTms"]],
  ["nginx's word to the engine", 'proxy_set_header Authorization "Bearer theEnginesKey";', ["theEnginesKey"]],
  ["an env file", "VLLM_API_KEY=theEnginesKey\nHOME=/opt/llm/cache\n", ["theEnginesKey"]],
  ["a key alone", "theKeyOfTms\n", ["theKeyOfTms"]],
  [
    "a private key",
    "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\nAgEGCCqGSM49AwEHBG0\n-----END PRIVATE KEY-----\n",
    ["MIGHAgEAMBMGByqGSM49", "AgEGCCqGSM49AwEHBG0"],
  ],
  ["a target of the smoke test", '{"clients":[{"key":"theKeyOfTms"}],"hostKey":"ssh-ed25519 AAAA"}', ["theKeyOfTms"]],
  ["what is none", "nothing here", []],
])("secrets are found in %s", (_, text, wanted) => {
  expect(secretsIn(text)).toEqual(wanted);
});

test("a short word is no secret: it would be found in the middle of others", () => {
  expect(spellings("test")).toEqual([]);
});

test.each([0, 1, 2, 3, 4, 5])("a secret is known in base64 behind %i other bytes", (before) => {
  const text = Buffer.from(`${"<".repeat(before)}한글과 key?>${"~".repeat(5)}`).toString("base64");
  expect(spellings("한글과 key?>").some((spelling) => text.includes(spelling))).toBe(true);
});
