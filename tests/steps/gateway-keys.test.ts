import { readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { endOfDay } from "../../plan/config/dates";
import { momentsFrom } from "../../plan/render/nginx";
import { EngineStandIn } from "../harness/engine-stand-in";
import { bearer, gatewayConfig, KEYS, sabotaged, sampleStep, send } from "../harness/gateway";
import { underLoad } from "../harness/load";
import { freePort, layOut, Nginx, NGINX_MISSING, type NginxFiles } from "../harness/nginx";

const KEY = KEYS["client/tms/a"];
const DRAIN = readFileSync(join(__dirname, "../../templates/lib/drain.sh"), "utf8");

const dayFromNow = (days: number) => new Date(Date.now() + days * 864e5).toISOString().slice(0, 10);

describe.skipIf(NGINX_MISSING)("keys in a running nginx (needs nginx: apt-get install nginx)", () => {
  let engine: EngineStandIn;
  const plan = (port: number, expires?: string) =>
    sampleStep(
      gatewayConfig(
        { port, tls: { mode: "off" }, rateLimit: { requestsPerMinute: 600_000, burst: 100_000 } },
        engine.port,
      ),
      {
        secrets: Object.keys(KEYS).map((name) => ({
          name,
          generation: 1,
          ...(name === "client/tms/a" && expires !== undefined ? { expires } : {}),
        })),
      },
    );
  const start = async (files: NginxFiles, port: number) => {
    const nginx = await Nginx.start(files, port);
    onTestFinished(() => nginx.stop());
    return nginx;
  };
  const ask = async (port: number, key: string) =>
    (await send(port, "GET", "/v1/models", { headers: bearer(key) })).status;

  beforeAll(async () => {
    engine = await new EngineStandIn(await freePort()).start();
  });
  afterAll(() => engine.stop());

  test.each([
    ["yesterday", dayFromNow(-1), 401],
    ["today", dayFromNow(0), 200],
    ["in a year", dayFromNow(365), 200],
  ])("a key whose last day is %s (%s) gets %i, and every other key gets in", async (_, expires, status) => {
    const port = await freePort();
    await start(layOut(plan(port, expires), KEYS), port);
    expect(await ask(port, KEY)).toBe(status);
    expect(await ask(port, KEYS["client/tms/b"])).toBe(200);
  });

  test("a key ends by itself when its time has come: nobody touches nginx", async () => {
    const port = await freePort();
    const end = Math.ceil(Date.now() / 1000) + 3;
    const step = sabotaged(plan(port, "2099-12-31"), momentsFrom(endOfDay("2099-12-31")), momentsFrom(end));
    const nginx = await start(layOut(step, KEYS), port);
    const seen: { readonly status: number; readonly asked: number; readonly answered: number }[] = [];
    while (seen.at(-1)?.status !== 401) {
      const asked = Date.now() / 1000;
      seen.push({ status: await ask(port, KEY), asked, answered: Date.now() / 1000 });
    }
    expect(seen[0]!.status).toBe(200);
    expect(seen.filter(({ status, answered }) => status !== 200 && answered < end)).toEqual([]);
    expect(seen.filter(({ status, asked }) => status === 200 && asked > end + 0.1)).toEqual([]);
    expect(nginx.log("/var/log/nginx/tms-llm.access.log")).toContain('"client":"","key":"tms/a/1"');
  });

  test("a reload after draining fails no request on a kept connection", async () => {
    const port = await freePort();
    const files = layOut(plan(port), KEYS);
    const nginx = await start(files, port);
    const library = DRAIN.replace("/run/", `${files.path("/run")}/`);
    const reload = async () => {
      await execa("bash", ["-c", `set -euo pipefail; ${library}\ndrain ${port}`]);
      const former = await nginx.workers();
      nginx.reload();
      while ((await nginx.workers()).some((pid) => former.includes(pid)));
      await execa("bash", ["-c", `set -euo pipefail; ${library}\ndrained`]);
    };
    const load = { endpoint: `http://127.0.0.1:${port}`, key: () => KEY };
    const happened = await underLoad(load, async () => {
      for (let times = 0; times < 10; times++) await reload();
    });
    expect(happened).toEqual({ 200: expect.any(Number) as number });
    expect(happened["200"]).toBeGreaterThan(1000);
  });
});
