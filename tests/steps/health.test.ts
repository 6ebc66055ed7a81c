import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { deploy, plannedSteps, prepareMaterial, stackConfig } from "../harness/deployment";
import { sabotaged } from "../harness/gateway";

const CHAT = "127.0.0.1:11434/v1/chat/completions";
const ask = (more: object) =>
  JSON.stringify({ model: "tiny", messages: [{ role: "user", content: "1, 2, 3," }], ...more });
/** A text in JSON that the model never closes: it goes on for twenty seconds, to the engine's own bound. */
const LONG = ask({
  response_format: { type: "json_schema", json_schema: { name: "text", schema: { type: "string" } } },
});
const STREAM = ask({ stream: true, max_tokens: 2000 });
const SHORT = ask({ max_tokens: 1 });
const RUNNERS = "--parent $(systemctl show --property MainPID --value tms-ollama)";

describe.skipIf(DOCKER_MISSING)("the health check of a real Ollama with one seat (needs Docker)", () => {
  let host: BareHost;

  const byHand = () => host.ask("/opt/llm/health-check.sh");
  /** The timer's check, as its unit runs it. */
  const byTimer = async () => {
    const { exitCode } = await host.ask("systemctl start tms-llm-health.service");
    const said = await host.shell(
      "journalctl --output=cat _SYSTEMD_INVOCATION_ID=$(systemctl show --property InvocationID --value tms-llm-health)",
    );
    return { exitCode, said };
  };
  const engineRun = () => host.shell("systemctl show --property InvocationID --value tms-ollama");
  const restarts = () => host.shell("journalctl --output=cat -t tms-llm | grep 'restarting tms-ollama' || true");
  const isAnswered = async () => (await host.ask(`curl -sf -m 5 -d '${SHORT}' ${CHAT}`)).exitCode === 0;
  const gateway = () => host.shell("curl -sk -m 5 -o /dev/null -w '%{http_code}' https://127.0.0.1/health");
  /** Clients that ask at the same time and wait for as long as it takes, until `leave`. */
  const come = async (count: number) => {
    await host.shell(`systemd-run --quiet --collect --unit=clients sh -c '
      for client in $(seq ${count}); do curl -s -o /dev/null -d "$1" ${CHAT} & done; wait' clients '${LONG}'`);
    // A question counts as waiting after five seconds.
    await host.shell("sleep 6");
  };
  const leave = () => host.ask("systemctl stop clients.service");
  /** In the middle of an answer: a runner that is idle and hangs is replaced by Ollama itself. */
  const hang = async () => {
    await come(1);
    await host.shell(`pkill --signal STOP ${RUNNERS}`);
  };
  /** Clients leave streams until the only seat is lost, which depends on what the engine does at that moment. */
  const loseSeat = async () => {
    const left = await host.shell(`for left in $(seq 3000); do
        curl -sN -m 0.0$((left % 9 + 1)) -o /dev/null -d '${STREAM}' ${CHAT}
        curl -sf -m 5 -o /dev/null -d '${SHORT}' ${CHAT} || break
      done; echo $left`);
    console.log(`clients that had left a stream when the seat was lost: ${left}`);
    expect(await isAnswered()).toBe(false);
  };

  beforeAll(async () => {
    const material = await prepareMaterial();
    host = await BareHost.start(material.image);
    const steps = plannedSteps(material, stackConfig({ engine: { kind: "ollama", parallel: 1 } }));
    // Operators' check waits for longer before it judges.
    const hasty = steps.map((step) => (step.name === "health" ? sabotaged(step, "patience=25", "patience=11") : step));
    await deploy(host, hasty);
    await host.shell("systemctl stop tms-llm-health.timer");
  });
  // As if each test were the first to find something.
  beforeEach(() => host.shell("rm -rf /run/tms-llm-seats"));
  afterEach(leave);
  afterAll(() => host.remove());

  test("asks by hand, and by the timer once after the engine was used", async () => {
    const memory = `curl -s 127.0.0.1:11434/api/ps`;
    expect((await byHand()).stdout).toMatch(/^seat +OK +tiny:latest answers$/m);
    const before = await host.shell(memory);
    expect(before).toContain('"expires_at"');
    expect(await byTimer()).toMatchObject({ exitCode: 0 });
    // An answer would have moved the time at which the model is going to be unloaded.
    expect(await host.shell(memory)).toBe(before);
    await host.shell("rm /run/tms-llm-seats/answered");
    expect(await byTimer()).toMatchObject({ exitCode: 0 });
    expect(await host.shell(memory)).not.toBe(before);
  });

  test("finds the seat that is lost when a client leaves a stream, while /health is green, and brings it back", async () => {
    await loseSeat();
    expect(await gateway()).toBe("200");
    const told = await byHand();
    expect(told.stdout).toMatch(
      /^seat +FAULT +no answer from tiny:latest within 11 s, and the engine computed nothing meanwhile: systemctl restart tms-ollama$/m,
    );
    expect(await isAnswered(), "by hand nothing is restarted").toBe(false);
    const { exitCode, said } = await byTimer();
    expect(exitCode).not.toBe(0);
    expect(said).toMatch(/computed nothing meanwhile; the engine was restarted and answers again/);
    expect(await isAnswered()).toBe(true);
    expect(await byTimer()).toMatchObject({ exitCode: 0 });
  });

  test("leaves an engine alone that is busy with long answers, however long a question waits", async () => {
    const before = await engineRun();
    await come(8);
    const { stdout, exitCode } = await byHand();
    expect(stdout).toMatch(/^seat +OK +tiny:latest: the engine is at work for others$/m);
    expect(exitCode).toBe(0);
    expect(await byTimer()).toMatchObject({ exitCode: 0 });
    expect(await engineRun()).toBe(before);
  });

  test("leaves an engine alone whose only seat is taken by a client that does not read", async () => {
    const before = await engineRun();
    await host.shell(`systemd-run --quiet --collect --unit=clients bash -c '
      exec 3<>/dev/tcp/127.0.0.1/11434
      printf "POST /v1/chat/completions HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Type: application/json\\r\\n" >&3
      printf "Content-Length: %d\\r\\n\\r\\n%s" $\${#1} "$1" >&3
      sleep 300' clients '${ask({ ...(JSON.parse(LONG) as object), stream: true })}'
      sleep 6`);
    expect((await byHand()).stdout).toMatch(/^seat +OK +tiny:latest: a client is slow to take its answer$/m);
    expect(await byTimer()).toMatchObject({ exitCode: 0 });
    expect(await engineRun()).toBe(before);
  });

  test("restarts an engine that hangs in the middle of an answer, says why in the journal, and not again within a quarter of an hour", async () => {
    expect(await isAnswered()).toBe(true);
    expect(await byTimer()).toMatchObject({ exitCode: 0 });
    const before = await restarts();
    await hang();
    expect(await gateway()).toBe("200");
    const healed = await byTimer();
    expect(healed.said).toMatch(/the engine was restarted and answers again/);
    expect((await restarts()).replace(before, "").trim()).toBe(
      "health check: no answer from tiny:latest within 11 s, and the engine computed nothing meanwhile; restarting tms-ollama.service",
    );
    const run = await engineRun();
    await leave();
    await hang();
    const again = await byTimer();
    expect(again.exitCode).not.toBe(0);
    expect(again.said).toMatch(/it was restarted for that at \d\d:\d\d, and is not within 15 minutes of it/);
    expect(await engineRun()).toBe(run);
  });
});
