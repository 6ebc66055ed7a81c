import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { cancel } from "../../smoke/checks/cancel";
import { errors } from "../../smoke/checks/errors";
import { rateLimit } from "../../smoke/checks/rate-limit";
import { success } from "../../smoke/checks/success";
import { tuning } from "../../smoke/checks/tuning";
import { runSmoke } from "../../smoke/run";
import { GATE, THOROUGH } from "../../smoke/sets";
import { DOCKER_MISSING } from "../harness/clone";
import { DeployedSandbox, gateway, type Sabotage } from "../harness/sabotage";
import { ONE_ATTEMPT } from "../harness/one-attempt";

const middleMan = (title: string, twist: string, tells: Sabotage["tells"]): Sabotage => ({
  ...{ title, tells },
  spoil: `middle_man ${twist}`,
  mend: ["gateway"],
});
const firewall = (title: string, spoil: string, observed: RegExp): Sabotage => ({
  ...{ title, spoil, tells: { firewall: observed } },
  mend: ["firewall"],
});

const buffering = (kilobytes: number) =>
  `edit $conf 's/proxy_buffering off/proxy_buffering on/; s/proxy_http_version 1.1/proxy_http_version 1.0/;
    s/proxy_buffer_size .*/proxy_buffer_size ${kilobytes}k;/; s/proxy_buffers .*/proxy_buffers 8 ${kilobytes}k;/;
    s/proxy_busy_buffers_size .*/proxy_busy_buffers_size ${2 * kilobytes}k;/'`;
const ENGINE_ON_ALL_ADDRESSES = "edit $engine_env 's/127.0.0.1/0.0.0.0/'; restart_engine";
const ON_ALL_ADDRESSES = /^listens on (\*|0\.0\.0\.0):11434$/;
/** Both families, from a neighbour on the allowlist and from another. */
const ENGINE_OPEN = /^(engine port 11434 \((IPv4|IPv6), (allowed|refused)\) is open(; )?){4}$/;

const SABOTAGES: readonly Sabotage[] = [
  gateway("streams are held back in 16 KiB", buffering(16), { streaming: /held back/ }),
  gateway("streams are held back in 4 KiB", buffering(4), { streaming: /held back/ }),
  gateway(
    "streams are compressed",
    "edit $conf 's/gzip off;/gzip on; gzip_proxied any; gzip_min_length 0; gzip_types text\\/event-stream;/'",
    { streaming: /^compressed \(gzip\), so a compressor holds events back$/ },
  ),
  middleMan("streams are made first and replayed then", "made-first", {
    streaming: /held back/,
  }),
  middleMan("a stream's end is not marked", "without-done", { streaming: /^no \[DONE\] at the end$/ }),
  middleMan("a stream does not say why it ended", "without-finish-reason", { streaming: /^finish reason missing$/ }),
  middleMan("a stream breaks off", "cut", { streaming: /^the stream broke off: .*no \[DONE\] at the end$/ }),
  middleMan("a stream ends with an error", "error-in-stream", { streaming: /^an error event: .*runner has died/ }),
  middleMan("the model is silent after its role", "silent-after-role", { streaming: /first token after 4\d\d\d ms$/ }),
  middleMan("an error is sent as a success", "error-as-success", {
    answer: /^200 without an answer$/,
    embeddings: /^status 200, no vectors$/,
  }),
  middleMan("all texts become the same vector", "same-vector", { embeddings: /^the same vector for different texts$/ }),
  {
    ...middleMan("a model that nobody knows is taken for another", "any-model", {
      errors: /^200 for an unknown model$/,
    }),
    checks: [...GATE, errors],
  },
  {
    ...middleMan("SQL that changes tables is taken for an attack", "no-ddl", { tuning: /^index: status 403; / }),
    checks: [...GATE, tuning],
  },
  {
    ...middleMan("one request in a hundred fails", "now-and-then", { success: /^3 of 300 failed: status 502$/ }),
    // Without the rate limit, or 300 requests would take half a minute.
    spoil: "middle_man now-and-then; edit $conf '/limit_req zone=/d'; restart_gateway",
    checks: [...GATE, success],
  },
  middleMan("Korean characters are torn", "split-characters", { korean: /^the stream has broken characters$/ }),
  middleMan("Korean characters are lost", "lost-characters", { korean: /streamed and unstreamed answers differ/ }),
  gateway("keys are not looked at", `edit $conf 's/"~\\^keyed \\$" 401;//'`, {
    keys: /^200 for \/v1\/models without a key; .*with a wrong key/,
  }),
  gateway("keys are compared without their letter case", `edit $keys 's/"~\\^/"~*^/'`, {
    keys: /^200 for the key in other letter case$/,
  }),
  gateway("the key may be the beginning of what is sent", `edit $keys 's/\\$" tms/" tms/'`, {
    keys: /^200 for the key and one character more$/,
  }),
  gateway(
    "one more path is open",
    `edit $conf 's|^(.*)default unlisted;|&"~^(/api/tags) \\\\1$" open;|; s|^ *location / \\{|location = /api/tags { proxy_pass http://tms_llm_engine; }&|'`,
    { allowlist: /^GET \/api\/tags: 200; POST \/api\/tags: 405$/ },
  ),
  gateway("closed paths answer with the web server's own page", "edit $conf 's/error_page 404 .*//'", {
    allowlist: /404, not in OpenAI's form/,
  }),
  gateway("a body may have any size", "edit $conf 's/client_max_body_size .*/client_max_body_size 0;/'", {
    // The engine refuses it before it has read it; nginx may see the closed connection before it sees the refusal.
    "body-limit": /^status (400|502)/,
  }),
  gateway(
    "another certificate is shown",
    `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=llm.internal \
      -addext subjectAltName=DNS:llm.internal -keyout $certificate_key -out $certificate 2>/dev/null`,
    { health: /is not trusted/ },
  ),
  {
    ...gateway("mistakes are answered with the web server's own page", "edit $conf 's/error_page 405 = .*//'", {
      errors: /^405 for another method, not in OpenAI's form$/,
    }),
    checks: [...GATE, errors],
  },
  {
    ...gateway("nobody is told to wait", "edit $conf '/limit_req zone=/d'", { "rate-limit": /none refused$/ }),
    checks: [...GATE, rateLimit],
  },
  {
    ...gateway(
      "the engine is not told that a client has left",
      "edit $conf 's/proxy_ignore_client_abort off/proxy_ignore_client_abort on/'",
      { cancel: /^the next answer began \d{4,} ms after 1 left, and [\d.]+ ms when idle$/ },
    ),
    checks: [...GATE, cancel],
  },
  gateway(
    "a key of the past is let in",
    `edit $keys '0,/default/ s|default "";|&\\n"~^(?i:Bearer) +KeyOfThePast$" tms/b/7;|'`,
    { "known-keys": /^tms\/b\/7 is let in and is not in the stack file$/ },
  ),
  {
    title: "the keys were changed and nginx does not know",
    spoil: "sleep 3; touch $keys",
    mend: [],
    tells: { "known-keys": /^nginx has not read its keys since they were changed$/ },
  },
  firewall(
    "the endpoint is open to everyone",
    "ufw allow 443/tcp",
    /^gateway \(IPv4, refused\) is open; gateway \(IPv6, refused\) is open$/,
  ),
  firewall(
    "the endpoint is open to everyone over IPv6",
    "ufw allow proto tcp from ::/0 to any port 443",
    /^gateway \(IPv6, refused\) is open$/,
  ),
  firewall(
    "nobody may reach the endpoint over IPv6",
    "sed -i /fd/d /etc/ufw/user6.rules; ufw reload",
    /^gateway \(IPv6, allowed\) is closed$/,
  ),
  firewall(
    "the firewall is off",
    "ufw disable",
    /^gateway \(IPv4, refused\) is open; gateway \(IPv6, refused\) is open$/,
  ),
  {
    title: "the engine listens on all addresses, behind the firewall",
    spoil: ENGINE_ON_ALL_ADDRESSES,
    mend: ["engine"],
    tells: { "engine-loopback": ON_ALL_ADDRESSES },
  },
  {
    title: "the engine listens on all addresses, and the firewall lets everyone to it",
    spoil: `${ENGINE_ON_ALL_ADDRESSES}; ufw allow 11434/tcp`,
    mend: ["engine", "firewall"],
    tells: { "engine-loopback": ON_ALL_ADDRESSES, firewall: ENGINE_OPEN },
  },
  {
    title: "a process of the engine opens one more port",
    spoil: `engine_drop_in '[Service]\nExecStartPost=/bin/sh -c "exec python3 -m http.server 29500 >/dev/null 2>&1 &"'
      until curl --silent --output /dev/null http://127.0.0.1:29500/; do sleep 0.1; done`,
    mend: ["engine"],
    tells: { "engine-loopback": /^listens on 0\.0\.0\.0:29500$/ },
  },
  {
    title: "another version of the engine answers",
    spoil: `systemctl stop tms-ollama; systemd-run --quiet --collect --unit middle-man python3 -c '
import http.server
class Other(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"{\\"version\\":\\"0.1.0\\"}")
http.server.HTTPServer(("127.0.0.1", 11434), Other).serve_forever()'
      until curl --silent --output /dev/null http://127.0.0.1:11434/; do sleep 0.1; done`,
    mend: ["engine"],
    tells: {
      "engine-loopback": /^tms-ollama\.service has no process$/,
      "engine-version": /^version 0\.1\.0$/,
      models: /no list$/,
    },
  },
  {
    title: "the engine is stopped",
    spoil: "systemctl stop tms-ollama",
    mend: ["engine"],
    tells: {
      health: /^status 503$/,
      "engine-loopback": /^tms-ollama\.service has no process; nothing listens on port 11434$/,
      "engine-version": /tells no version$/,
    },
  },
  { title: "the model is gone", spoil: "rm $manifest", mend: ["engine"], tells: { models: /^missing: tiny$/ } },
  {
    title: "the host shows another digest",
    spoil: "printf %064d 0 >$digest",
    mend: [],
    tells: { digest: /^digest 000000000000$/ },
  },
];

const GREENS = Number(process.env["TMS_LLM_GREENS"] ?? 5);

describe.skipIf(DOCKER_MISSING)("the smoke test of a real deployment (needs Docker)", () => {
  let sandbox: DeployedSandbox;

  beforeAll(async () => {
    sandbox = await DeployedSandbox.make({
      models: [
        { name: "tiny", source: "builtin:tiny", context: 2048 },
        { name: "vectors", source: "builtin:tiny", context: 2048, role: "embedding" },
      ],
    });
  });
  afterAll(() => sandbox.clone.remove());

  test(`is green ${GREENS} times in a row`, async () => {
    for (let run = 1; run <= GREENS; run += 1) expect(await sandbox.told(), `run ${run}`).toEqual({});
  });

  describe("of all checks, the one it belongs to tells that", () => {
    let spoiled: Sabotage | undefined;
    afterEach(async () => {
      if (spoiled) await sandbox.mend(spoiled);
      spoiled = undefined;
    });

    test.each(SABOTAGES)("$title", async (sabotage) => {
      spoiled = sabotage;
      await sandbox.expectTold(sabotage);
    });
  });

  test("no check is left that nothing here makes fail", () => {
    const fail = new Set(SABOTAGES.flatMap(({ tells }) => Object.keys(tells)));
    const elsewhere = [
      "placement", // Below, by a plan for a GPU.
      "overload", // In transformers.test.ts: here everybody may wait.
    ];
    expect(THOROUGH.map(({ id }) => id).filter((id) => !fail.has(id))).toEqual(elsewhere);
  });

  test("a plan that is made for a GPU is not content with Ollama's silent way to the CPU", async () => {
    const { target } = sandbox;
    const engine = target.engine!;
    const planned = { ...target, engine: { ...engine, placement: { ...engine.placement, gpu: true } } };
    expect(await sandbox.told(GATE, planned)).toEqual({ placement: "0 % of tiny in the GPU's memory" });
  });

  test("whoever leaves stops the engine", async () => {
    const { checks } = await runSmoke(sandbox.target, { checks: [cancel] });
    expect(checks[0]).toMatchObject({ verdict: "pass" });
    console.log(checks[0]!.observed);
  });

  test("leaves no drift behind", ONE_ATTEMPT, async () => {
    const drift = await sandbox.clone.run(["drift"]);
    expect(drift.exitCode, drift.output).toBe(0);
  });
});
