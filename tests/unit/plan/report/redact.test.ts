import { describe, expect, test } from "vitest";
import { redact, type Known } from "../../../../plan/report/redact";

const KEY = "q7Zk3vT9wLmX2cRb8NfHs5YdPg1JaUe6QoWi4KtVx0E";
const KNOWN: Known = {
  secrets: [KEY, "여섯 낱말로 된 암호문"],
  prompts: ["You answer for Acme only.\nNever name a price."],
  hosts: ["gpu-seoul-7", "gpu-seoul-7.corp.acme.kr", "localhost"],
  people: ["kimjs", "ubuntu", "root"],
  stackFile:
    "config:\n  tms-llm:target: { host: 203.0.113.10, user: ops }\n  tms-llm:mirrors: { pypi: https://nexus.acme.kr/simple }\n",
};

/** One line of a file that is no log. */
const line = (text: string, known: Partial<Known> = {}) =>
  redact({ "host/units.txt": text }, { ...KNOWN, ...known }).files["host/units.txt"];
/** One line of a log. */
const log = (text: string) => redact({ "host/logs/engine.txt": text }, KNOWN).files["host/logs/engine.txt"];

describe("secrets", () => {
  test.each([
    ["as it is", `key ${KEY}!`, "key [secret]!"],
    ["in base64", `Basic realm ${Buffer.from(`tms:${KEY}`).toString("base64")}`, /^Basic realm dG1z\S*\[secret\]\S*$/],
    ["in hexadecimal", Buffer.from(KEY).toString("hex"), "[secret]"],
    ["with spaces, in JSON", JSON.stringify({ said: "여섯 낱말로 된 암호문" }), '{"said":"[secret]"}'],
    ["in a URL", `/?p=${encodeURIComponent("여섯 낱말로 된 암호문")}`, /^\/\?p=\[secret\]$/],
    [
      "as a form sends it",
      `p=${encodeURIComponent("여섯 낱말로 된 암호문").replaceAll("%20", "+").toLowerCase()}`,
      /^p=(?:\[secret\]|%)/,
    ],
    ["in ASCII JSON", String.raw`"\uc5ec\uc12f \ub0b1\ub9d0\ub85c \ub41c \uc554\ud638\ubb38"`, '"[secret]"'],
  ])("that are known go %s", (_, text, wanted) => {
    expect(line(text)).toMatch(wanted);
  });

  test.each([
    ["a bearer token", "authorization: Bearer abc-def.ghi", "authorization: Bearer [secret]"],
    ["a name with its password", "authorization: Basic dG1zOnBhc3M=", "authorization: Basic [secret]"],
    ["a token of Hugging Face's", "using hf_AbCdEfGhIjKlMnOp", "using [secret]"],
    ["a key of OpenAI's", "sk-proj-abcdefghijkl", "[secret]"],
    ["a web token", "eyJhbGciOiJI.eyJzdWIiOiIx.c2ln", "[secret]"],
    ["a password in a URL", "http://kim:pa55word@proxy.acme.kr:3128", "http://[secret]@name-1:3128"],
    ["a variable that is called so", "HF_TOKEN=abcdefgh", "HF_TOKEN=[secret]"],
    ["a setting that is called so", '"api_key": "abcdefgh"', '"api_key": "[secret]"'],
    ["an option that is called so", "vllm serve --api-key abcdefgh --port 1", "vllm serve --api-key [secret] --port 1"],
    [
      "what follows a path's question mark",
      'request: "GET /v1/models?key=1 HTTP/1.1"',
      'request: "GET /v1/models?[secret] HTTP/1.1"',
    ],
    [
      "what follows the question mark of a URL",
      'Get "https://huggingface.co/a:1/b?X-Amz-Signature=1": EOF',
      'Get "https://huggingface.co/a:1/b?[secret]": EOF',
    ],
    [
      "an option in quotes, with spaces",
      "vllm serve --api-key 'ab cd' --port 1",
      "vllm serve --api-key [secret] --port 1",
    ],
    ["a variable in quotes, with spaces", `HF_TOKEN='a bc d' X="1"`, `HF_TOKEN='[secret]' X="1"`],
    ["a crypt hash", "tms:$6$salt$abcdefghij", "tms:$6$[secret]"],
    ["letters and digits at random", `x ${Array.from(KEY).reverse().join("")} y`, "x [secret] y"],
    [
      "a private key",
      "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----\nand",
      "[secret]\nand",
    ],
    [
      "a private key in JSON",
      String.raw`"-----BEGIN EC PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END EC PRIVATE KEY-----\n"`,
      String.raw`"[secret]\n"`,
    ],
    [
      "private keys that were cut off, one after the other",
      "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49",
      "[secret][secret]",
    ],
    ["a private key that was cut off", "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49", "[secret]"],
  ])("that nobody told of go by their shape: %s", (_, text, wanted) => {
    expect(line(text)).toBe(wanted);
  });

  test.each([
    "Reached target basic.target - Basic System.",
    '"firstToken": 12.345, random:index/randomPassword:RandomPassword',
    "max_tokens=128, prompt_tokens: 30, eos_token: 2, token=null",
    '"serverPrivateKey": "~/.ssh/id_ed25519", private_key=own.key',
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "GPU-5d3f1c2a-9b7e-4f60-8a1d-2c3b4a5d6e7f",
    "Meta-Llama-3-8B-Instruct-Q4_K_M-GGUF",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
    "/opt/llm/vllm/releases/0.32.0-cuda/lib/python3.12/site-packages/torch/lib/libtorch_cuda.so",
    "_ZN5torch8autograd6Engine17evaluate_functionERSt10shared_ptrINS0_9GraphTaskEEPNS0_4NodeE",
  ])("are not seen where there are none: %s", (text) => {
    expect(line(text)).toBe(text);
  });
});

describe("addresses", () => {
  test("get one number each, the same in every file", () => {
    const { files, counts } = redact(
      { a: "from 10.4.5.6 and fd00:5::9", b: "to 10.4.5.6:443 by [FD00:5:0::9]:443, card 52:54:00:aB:cd:ef" },
      KNOWN,
    );
    expect(files).toEqual({
      a: "from address-2 and address-1",
      b: "to address-2:443 by [address-1]:443, card address-3",
    });
    expect(counts.addresses).toBe(3);
  });

  test.each([
    ["stands in the stack file", "ssh to 203.0.113.10"],
    ["is loopback or any", "127.0.0.53%lo:53 0.0.0.0:443 [::]:22 ::1 255.255.255.0 ::ffff:127.0.0.1"],
    ["is a version", "nvidia-cublas-cu12==12.8.4.1, nvidia_cublas-12.8.4.1-py3-none, v1.2.3.4, driver 580.105.08"],
    ["is a time or a slot of a bus", "12:34:56 0000:01:00.0 00000000:01:00.0"],
    ["is C++", "std::bad_alloc at c10::Error, at::native::add::bad"],
  ])("stay where what looks like one %s", (_, text) => {
    expect(line(text)).toBe(text);
  });

  test.each([
    "addr:fe80::1%eth0",
    "src=10.9.8.7,",
    "10.1.0.0/16",
    "(2001:db8::1)",
    "a 10.0.0.1-10.0.0.9 b",
    "::ffff:10.2.3.4",
  ])("go out of %s", (text) => {
    expect(line(text)).toMatch(/address-1/);
    expect(line(text)).not.toMatch(/10\.\d|fe80|2001/);
  });

  test("stay with the names of machines where that is wanted, and secrets and people still go", () => {
    const text = `10.4.5.6 gpu-seoul-7 intranet.acme.kr /home/kimjs ${KEY}`;
    expect(redact({ a: text }, KNOWN, { withAddresses: true }).files).toEqual({
      a: "10.4.5.6 gpu-seoul-7 intranet.acme.kr /home/name-1 [secret]",
    });
  });
});

describe("names", () => {
  test.each([
    ["the host's", "gpu-seoul-7 sshd[1]: up", "name-1 sshd[1]: up"],
    ["a domain", 'server: intranet.acme.co.kr, host: "x"', 'server: name-1, host: "x"'],
    ["a machine that a cloud named by its address", "ip-10-1-2-3 up", "name-1 up"],
    ["in a URL", "GET https://registry.acme/v2/", "GET https://name-1/v2/"],
    ["an account's", "owner kimjs, uid 1000", "owner name-1, uid 1000"],
    ["a home folder's", "/home/parkyh/x", "/home/name-1/x"],
    ["before an @", "mail to lee.mh@acme.kr", "mail to name-1@name-2"],
  ])("go: %s", (_, text, wanted) => {
    expect(line(text)).toBe(wanted);
  });

  test.each([
    ["of the stack file", "ops@203.0.113.10, https://nexus.acme.kr/simple"],
    ["that name nobody", "Ubuntu 22.04, ubuntu, root, tms, localhost"],
    ["of sources in public", "https://huggingface.co/x, pypi.org, developer.download.nvidia.com"],
    [
      "of units, files and modules",
      "user@1000.service nginx.conf libcuda.so source=routes.go:1 torch.nn.functional vllm.v1.engine.core os.path.py",
    ],
  ])("stay: those %s", (_, text) => {
    expect(line(text)).toBe(text);
  });
});

describe("prompts and answers in logs", () => {
  const TIME = "2026-11-30T20:41:00.123456+0000";
  test.each([
    [
      "of Ollama that traces",
      `${TIME} ollama[7]: time=2026-11-30T20:41:00Z level=TRACE source=routes.go:1 msg="chat request" images=0 prompt="tell me"`,
      /msg="chat request" \[prompt: \d+ characters\]$/,
    ],
    [
      "of Ollama at debug, unquoted",
      "time=2026 level=DEBUG msg=completion prompt=hello more=1",
      /^time=2026 level=DEBUG msg=completion prompt=\[prompt: \d+ characters\]$/,
    ],
    [
      "of vLLM that logs requests",
      "INFO 11-30 20:41:00 [logger.py:43] Received request chatcmpl-1: prompt: 'tell me', params: SamplingParams(n=1)",
      /^INFO .* chatcmpl-1: prompt: \[prompt: \d+ characters\]$/,
    ],
    [
      "in a refusal of pydantic's",
      "ERROR [type=missing, input_value={'role': 'user'}, input_type=dict]",
      /input_value=\[prompt: \d+ characters\]$/,
    ],
    [
      "in a body",
      `got {"messages": [{"role": "user", "content": "tell me"}]}`,
      /^got \{"messages": \[prompt: \d+ characters\]$/,
    ],
    ["in a grammar", 'root ::= "tell me"', /^\[prompt: \d+ characters\]$/],
    ["in Korean", "it said 안녕하세요 친구", "it said [prompt: 8 characters]"],
    [
      "in Korean, as JSON in ASCII has it",
      String.raw`it said \uc548\ub155 \uce5c\uad6c, "x"`,
      /^it said \[prompt: 25 characters\], "x"$/,
    ],
    ["in the stack file, as a system prompt", "system is Never name a price.", "system is [prompt]"],
  ])("go: %s", (_, text, wanted) => {
    expect(log(text)).toMatch(wanted);
    expect(log(text)).not.toMatch(/tell me|hello|안녕/);
  });

  test("go with the lines in which they go on, and those of other programs between them stay", () => {
    const head = (pid: number, second: number) => `2026-11-30T20:41:0${second}.123456+0000 ollama[${pid}]: `;
    const text = [
      `${head(7, 1)}time=1 level=DEBUG msg=x prompt="first line`,
      `${head(7, 2)}second line of it`,
      `${head(8, 3)}ready`,
      `${head(7, 4)}third line of it.`,
      `${head(7, 5)}time=2 level=INFO msg=done`,
      `${head(7, 6)}as it is`,
    ].join("\n");
    expect(log(text)!.split("\n").slice(1)).toEqual([
      expect.stringMatching(/\[prompt: 17 characters\]$/),
      `${head(8, 3)}ready`,
      expect.stringMatching(/\[prompt: 17 characters\]$/),
      `${head(7, 5)}time=2 level=INFO msg=done`,
      `${head(7, 6)}as it is`,
    ]);
  });

  test.each([
    'time=1 level=WARN msg="truncating input prompt" limit=2048 prompt=3000 keep=4 new=2048',
    '[GIN] 2026/11/30 - 20:41:00 | 200 |  1.2s | 127.0.0.1 | POST "/v1/chat/completions"',
    "[GIN] 353.365µs | 100% ████ 1.2 GB",
    "INFO 11-30 [loggers.py:1] Engine 000: Avg prompt throughput: 1.0 tokens/s, Running: 1 reqs",
    "print_info: EOS token = 2",
  ])("are not seen where there are none: %s", (text) => {
    expect(log(text)).toBe(text);
  });
});

test("nothing that a terminal would obey is left", () => {
  expect(line("\u001b[31mred\u001b[0m \u001b]0;title\u0007 bell\u0007\r\nnext")).toBe("red  bell\u00b7\nnext");
});

test("a line that is longer than a message is cut after its secrets were found", () => {
  const text = `${"x".repeat(3990)}${KEY}${"y".repeat(50)}`;
  expect(line(text)).toMatch(/^x{3990}\[secret\]yy\[cut here\]$/);
});

test.each([
  ...["a", "a.", "a@", "a-1/", "1:", "f::", "가", "/a?", "prompt=", "://a", "10.0.", "\u001b["],
  ...[
    "-",
    "-----BEGIN PRIVATE KEY-----_",
    "-eyJaaaaaaaaa",
    "level=TRACE ",
    "token='a ",
    "--token '",
    String.raw`\uac00`,
  ],
])("a line of a megabyte of %j ends long before the lane's limit for a test, which minutes would not", (part) => {
  expect(log(part.repeat(2 ** 20 / part.length))).toBeTypeOf("string");
});

test("so do many lines of all sorts", () => {
  const lines = Array.from(
    { length: 4000 },
    (_, at) =>
      `2026-11-30T20:41:00+0000 x[${at}]: GET https://a${at}.acme.kr/b/${KEY}?c=10.1.2.3 ${"word ".repeat(60)}`,
  );
  expect(log(lines.join("\n"))).toBeTypeOf("string");
});

test("the facts stay JSON", () => {
  const facts = JSON.stringify({
    path: `/home/kimjs\\"x`,
    ports: [{ address: "10.4.5.6", port: 443 }],
    said: `token=abcdef\\"`,
  });
  expect(JSON.parse(line(facts)!)).toMatchObject({ ports: [{ address: "address-1", port: 443 }] });
});
