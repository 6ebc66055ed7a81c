import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { parseFacts } from "../../../plan/facts";
import { preflightScript } from "../../../plan/render/preflight-script";
import { templateText } from "../../../plan/render/template-files";

const script = preflightScript();

describe.skipIf(process.platform !== "linux")("the preflight script", () => {
  test("answers on this machine with one line of ASCII that is a report", async () => {
    const { stdout, stderr } = await execa("bash", ["-s"], { input: script });
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^[\x20-\x7e]+$/);
    expect(parseFacts(stdout).cpu.count).toBeGreaterThan(0);
  });

  const writer = `set -u; export LC_ALL=C\n${templateText("preflight/json.sh")}`;
  const quoted = async (bytes: Uint8Array) => {
    const program = `${writer}\nIFS= read -r -d '' value; quote "$value"; printf '%s' "$quoted"`;
    return (await execa("bash", ["-c", program], { input: bytes })).stdout;
  };

  test.each([
    "plain text",
    'quotes " and \\ backslashes \\" \\\\',
    "tab\tline\nreturn\r and \u0001\u001b\u007f",
    "카나나 é ü",
    "beyond the basic plane: 😀𐍈",
    "& $HOME `id` $(id) * ? [a-z] ! ~",
    "every plain one: !#$%&'()*+,-./0123456789:;<=>?@ABCXYZ[]^_`abcxyz{|}~",
    " spaces at both ends ",
  ])("quotes %j so that JSON gives it back", async (value) => {
    const json = await quoted(Buffer.from(value));
    expect(json).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(json)).toBe(value);
  });

  test.each([
    ["a stray byte", [0xff], "\ufffd"],
    ["an overlong slash", [0xc0, 0xaf], "\ufffd\ufffd"],
    ["a cut sequence before a letter", [0xed, 0x95, 0x41], "\ufffdA"],
    ["a sequence cut by the end", [0x41, 0xe2, 0x82], "A\ufffd"],
    ["a surrogate", [0xed, 0xa0, 0x80], "\ufffd"],
  ])("%s becomes the replacement character", async (_title, bytes, text) => {
    expect(JSON.parse(await quoted(Uint8Array.from(bytes)))).toBe(text);
  });
});
