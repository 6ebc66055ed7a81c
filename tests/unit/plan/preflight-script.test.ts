import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
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

  describe("asks nvidia-smi (a stand-in that answers as an H200 with MIG did)", () => {
    const directory = mkdtempSync(join(tmpdir(), "tms-llm-nvidia-smi-"));
    afterAll(() => rmSync(directory, { recursive: true }));
    const fixtures = join(__dirname, "../../fixtures/nvidia-smi");
    const uuid = "GPU-00000000-0000-0000-0000-000000000000";

    /** The facts where the stand-in answers its first question with an exit code, and knows of reserved memory or not. */
    async function ask({ code = 0, mig = "Enabled", reserved = `echo ${uuid}, 614` }) {
      writeFileSync(
        join(directory, "nvidia-smi"),
        `#!/bin/bash
echo "$*" >>${directory}/asked
case $* in
  *compute_cap*) echo "0, NVIDIA H200, 143771, 143103, 590.48.01, 9.0, ${uuid}, ${mig}"; exit ${code} ;;
  *memory.reserved*) ${reserved} ;;
  *compute-apps*) echo "${uuid}, 12249, /root/tools/memhog, 2194" ;;
  -L) cat ${fixtures}/h200-mig-list.txt ;;
  -q) cat ${fixtures}/h200-mig-query.txt ;;
esac
`,
        { mode: 0o755 },
      );
      writeFileSync(join(directory, "asked"), "");
      const input = script.replace("PATH=", `PATH=${directory}:`);
      const { gpu } = parseFacts((await execa("bash", ["-s"], { input })).stdout);
      if (gpu.nvidiaSmi.state !== "ready") throw new Error(JSON.stringify(gpu.nvidiaSmi));
      const asked = readFileSync(join(directory, "asked"), "utf8").trim().split("\n");
      return { device: gpu.nvidiaSmi.devices[0]!, processes: gpu.processes, asked };
    }

    test("for the memory of each instance and what the driver reserves", async () => {
      const { device } = await ask({});
      const sizes = device.instances?.map(({ profile, totalBytes }) => `${profile} ${(totalBytes ?? 0) / 2 ** 20}`);
      expect(sizes).toEqual([
        "1c.3g.71gb 71424",
        "2c.3g.71gb 71424",
        "2g.35gb 33280",
        "1g.18gb 16384",
        "1g.18gb 16384",
      ]);
      expect(device.reservedBytes).toBe(614 * 2 ** 20);
    });

    test("for nothing about instances where MIG is off", async () => {
      const { device, asked } = await ask({ mig: "Disabled" });
      expect(device.instances).toBeUndefined();
      expect(asked.filter((question) => question.startsWith("-L") || question.startsWith("-q"))).toEqual([]);
    });

    test("for all of it where the infoROM is corrupt too", async () => {
      const { device, processes } = await ask({ code: 14 });
      expect(device).toMatchObject({ reservedBytes: 614 * 2 ** 20, instances: { length: 5 } });
      expect(processes).toMatchObject([{ gpu: uuid, usedBytes: 2194 * 2 ** 20 }]);
    });

    test("a driver that does not know of reserved memory still answers the rest", async () => {
      const reserved = `echo 'Field "memory.reserved" is not a valid field to query.'; exit 2`;
      const { device } = await ask({ reserved, mig: "Disabled" });
      expect(device).toMatchObject({ name: "NVIDIA H200", computeCapability: "9.0" });
      expect(device.reservedBytes).toBeUndefined();
    });
  });

  test("tells a Python with headers from one without (a stand-in that looks for them elsewhere)", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tms-llm-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    /** Whether Python's headers are where a Python that asks `python3` says that they are. */
    const told = async () => {
      const program = `python3() { command python3 -c 'import sys, sysconfig; sysconfig.get_paths = lambda: {"include": sys.argv[1]}; exec(sys.argv[2])' "$folder" "$2"; }
        ${templateText("preflight/machine.sh")}
        has_headers python3`;
      return (await execa("bash", ["-c", program], { env: { folder }, reject: false })).exitCode;
    };
    expect(await told()).toBe(1);
    writeFileSync(join(folder, "Python.h"), "");
    expect(await told()).toBe(0);
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
