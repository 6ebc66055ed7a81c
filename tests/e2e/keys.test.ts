import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { request, Agent } from "undici";
import { Clone, DOCKER_MISSING, type Running } from "../harness/clone";
import { underLoad } from "../harness/load";

/** The keys of a running deployment; each test goes on where the one before stopped. */
describe.skipIf(DOCKER_MISSING)("the keys of a sandbox deployment (needs Docker)", () => {
  let clone: Clone;
  /** The keys that tms was ever handed, oldest first. */
  const handed: string[] = [];

  const key = (client: string) => clone.read(".tms-llm", "dev", `${client}.key`).trim();
  const endpoint = () => `https://127.0.0.1:${clone.sandbox()!.gatewayPort}`;
  const ca = () => clone.read(".tms-llm", "dev", "ca.pem");
  const ask = async (apiKey: string) => {
    const dispatcher = new Agent({ connect: { ca: ca() }, pipelining: 0 });
    const headers = { Authorization: `Bearer ${apiKey}` };
    const { statusCode, body } = await request(`${endpoint()}/v1/models`, { dispatcher, headers });
    await body.dump();
    await dispatcher.close();
    return statusCode;
  };
  const load = (current: () => string) => ({
    endpoint: endpoint(),
    caCertificate: ca(),
    key: current,
    connections: 4,
    pauseMilliseconds: 50,
  });
  const clients = (changes: Record<string, unknown>) =>
    clone.configure({ clients: changes, gateway: { rateLimit: { requestsPerMinute: 600_000, burst: 100_000 } } });
  const keys = (...args: string[]) => clone.run(["keys", ...args]);
  /** Ends when the host is done. The proof that follows measures times, so it has the machine to itself. */
  const untilProof = (running: Running) => running.says("smoke-run creating");
  const day = (days: number) => new Date(Date.now() + days * 864e5).toISOString().slice(0, 10);

  beforeAll(async () => {
    clone = await Clone.make();
    clients({ tms: { a: 1 }, rag: { a: 1 } });
    const up = await clone.run(["up"]);
    expect(up.exitCode, up.output).toBe(0);
    handed.push(key("tms"));
  });
  afterAll(() => clone.remove());
  beforeEach(({ onTestFailed }) => {
    onTestFailed(async () => console.error(await clone.host().journal()));
  });

  it("rotates under load without a failed request, and hands out the new key", async () => {
    const running = clone.start(["keys", "rotate", "tms"]);
    const happened = await underLoad(
      load(() => handed[0]!),
      () => untilProof(running),
    );
    const rotate = await running.done;
    expect(rotate.exitCode, rotate.output).toBe(0);
    expect(rotate.stdout).toContain("new      tms/b/2");
    expect(happened).toEqual({ 200: expect.any(Number) as number });
    expect(happened["200"]).toBeGreaterThan(100);
    handed.push(key("tms"));
    expect(handed[1]).not.toBe(handed[0]);
    expect([await ask(handed[0]!), await ask(handed[1]!)]).toEqual([200, 200]);
    expect(clone.read("Pulumi.dev.yaml")).toMatch(/tms:\s+a: 1\s+b: 2/);
  });

  it("shows which keys there are and when each was last used, never the keys", async () => {
    const list = await keys("list");
    expect(list.exitCode, list.output).toBe(0);
    for (const row of [/tms +│ a +│ 1 +│ live +│ 20\S+Z/, /tms +│ b +│ 2 +│ live +│ 20\S+Z/, /rag +│ a +│ 1 +│ live/])
      expect(list.stdout).toMatch(row);
  });

  it("does not shut out whoever still uses the old key, even where --yes has to answer for a person", async () => {
    const finish = await keys("finish", "tms", "--yes");
    expect(finish.exitCode, finish.output).toBe(4);
    expect(finish.output).toMatch(/tms\/a\/1 was used at [^]* npm run keys -- finish tms --in-use --stack dev/);
    expect(await ask(handed[0]!)).toBe(200);
  });

  it("finishes under load of the new key without a failed request, and the old key is refused", async () => {
    const running = clone.start(["keys", "finish", "tms", "--in-use"]);
    const happened = await underLoad(
      load(() => handed[1]!),
      () => untilProof(running),
    );
    const finish = await running.done;
    expect(finish.exitCode, finish.output).toBe(0);
    expect(happened).toEqual({ 200: expect.any(Number) as number });
    expect([await ask(handed[0]!), await ask(handed[1]!)]).toEqual([401, 200]);
    expect(key("tms")).toBe(handed[1]);
  });

  it("refuses a revoked key at once, before the deployment that follows; other clients notice nothing", async () => {
    const stolen = key("rag");
    const running = clone.start(["keys", "revoke", "rag"]);
    const happened = await underLoad(
      load(() => handed[1]!),
      async () => {
        await running.says("The host refuses rag/a/1");
        expect(await ask(stolen)).toBe(401);
        await untilProof(running);
      },
    );
    const revoke = await running.done;
    expect(revoke.exitCode, revoke.output).toBe(0);
    expect(happened).toEqual({ 200: expect.any(Number) as number });
    expect([await ask(stolen), await ask(key("rag"))]).toEqual([401, 200]);
    const drift = await clone.run(["drift"]);
    expect(drift.exitCode, drift.output).toBe(0);
  });

  it("refuses a key after its last day, proves the rest, and says so", async () => {
    clients({ tms: { b: 2, expires: day(5) }, rag: { a: 2, expires: day(-1) } });
    const up = await clone.run(["up"]);
    expect(up.exitCode, up.output).toBe(0);
    expect([await ask(key("tms")), await ask(key("rag"))]).toEqual([200, 401]);
    const drift = await clone.run(["drift"]);
    expect(drift.exitCode, drift.output).toBe(0);
    expect(drift.stdout).toMatch(/Key tms\/b\/2 ends in 5 days/);
    expect(drift.stdout).toMatch(/Key rag\/a\/2 ended with/);
    const health = await clone.host().shell("/opt/llm/health-check.sh");
    expect(health).toMatch(/key +SOON +tms\/b\/2 ends in 5 days/);
    expect(health).toMatch(/key +ENDED +rag\/a\/2/);
    expect((await keys("list")).stdout).toMatch(/rag +│ a +│ 2 +│ ended/);
  });

  it.each<[args: string[], words: RegExp]>([
    [["rotate", "tsm"], /no client "tsm"\n.*did you mean "tms"\?/],
    [["finish", "tms"], /there is no rotation to finish/],
    [["rotate"], /needs a client/],
    [["turn", "tms"], /no action; allowed are list, rotate, finish, revoke/],
    [["rotate", "tms", "--expires", "soon"], /--expires is soon/],
  ])("keys %j is a usage fault, and the stack file stays", async (args, words) => {
    const before = clone.read("Pulumi.dev.yaml");
    const run = await keys(...args);
    expect(run.exitCode, run.output).toBe(4);
    expect(run.output).toMatch(words);
    expect(clone.read("Pulumi.dev.yaml")).toBe(before);
  });

  it("keeps every key off the console and out of the host's logs", async () => {
    const logs = await clone.host().shell("journalctl --no-pager; cat /var/log/nginx/*");
    for (const secret of [...handed, key("rag")])
      expect([clone.console.includes(secret), logs.includes(secret)]).toEqual([false, false]);
  });
});
