import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { PAUSE_MARK } from "../../plan/render/nginx-errors";
import { PHASES, type PhaseName, type Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import {
  checkHost,
  deliver,
  deploy,
  plannedSteps,
  prepareMaterial,
  removeAll,
  runPhase,
  stackConfig,
  submitPhase,
  type Material,
} from "../harness/deployment";
import { sabotaged } from "../harness/gateway";
import { breakOffPhase } from "../harness/hold";
import { RenumberedReleases } from "../harness/renumbered-release";

/** The key of the client tms, as the harness makes it. */
const KEY = "clienttmsa".padEnd(43, "0");
const ENDPOINT = "http://127.0.0.1:8080";

const RELEASES = "/opt/llm/ollama";
const [FIRST, SECOND, THIRD] = ["0.17.4", "0.17.5", "0.17.6"] as const;

const question = (more: Record<string, unknown>) => ({
  model: "tiny",
  temperature: 0,
  messages: [{ role: "user", content: "ping" }],
  ...more,
});

/** An answer of some seconds: a text in JSON that a model of random weights never closes. */
const LONG = question({
  stream: true,
  max_tokens: 1200,
  response_format: { type: "json_schema", json_schema: { name: "text", schema: { type: "string" } } },
});

/** Whole to the last event. */
const WHOLE = /"finish_reason":"length"[^]*data: \[DONE\]\s*$/;

describe.skipIf(DOCKER_MISSING)(
  "Ollama that is exchanged while it answers, by the same program under another version's number (needs Docker)",
  () => {
    const releases = new RenumberedReleases();
    let material: Material;
    let host: BareHost;
    let steps: readonly Step[];

    const planned = (changes: Record<string, unknown> = {}) =>
      plannedSteps(material, stackConfig({ gateway: { port: 8080, tls: { mode: "off" } }, ...changes }));
    const phase = (plan: readonly Step[], name: PhaseName) => plan.filter((step) => step.phase === name);

    beforeAll(async () => {
      material = await prepareMaterial();
      host = await BareHost.start(material.image);
      steps = planned();
      await deploy(host, steps);
    });
    afterAll(async () => {
      releases.remove();
      await host.remove();
    });
    beforeEach(({ onTestFailed }) => {
      onTestFailed(async () => console.error(await host.journal()));
    });

    /** A request through nginx: status, then headers and body as they came. */
    async function ask(path: string, body?: unknown): Promise<{ status: number; text: string }> {
      const post = body === undefined ? "" : "--json @-";
      const { stdout } = await host.ask(
        `curl --silent --include --no-buffer --max-time 120 --header 'Authorization: Bearer ${KEY}' ${post} ${ENDPOINT}${path}`,
        body === undefined ? "" : JSON.stringify(body),
      );
      return { status: Number(/^HTTP\/\S+ (\d+)/.exec(stdout)?.[1]), text: stdout };
    }

    /** An answer that is under way when this returns, and stands still until `goOn`; `done` has it as it ended. */
    async function heldAnswer() {
      const file = "/tmp/answer";
      await host.shell(`rm -f ${file}; mkfifo /run/holder`);
      // Ready to hold before the answer begins.
      const held = host.shell(
        `: >/run/holder; until [ -s ${file} ]; do :; done; pkill -STOP -f '[o]llama runner'; ! grep -q DONE ${file}`,
      );
      const done = host
        .ask(
          `read -r _ </run/holder; rm /run/holder; curl --silent --no-buffer --output ${file} --max-time 120 --header 'Authorization: Bearer ${KEY}' --json @- ${ENDPOINT}/v1/chat/completions; cat ${file}`,
          JSON.stringify(LONG),
        )
        .then(({ stdout }) => stdout);
      await held;
      return { done, goOn: () => host.shell("pkill -CONT -f '[o]llama runner'") };
    }

    const untilPaused = () =>
      host.shell(`for i in $(seq 600); do [ -e ${PAUSE_MARK} ] && exit; sleep 0.05; done; exit 1`);
    const isPaused = async () => (await host.ask(`[ -e ${PAUSE_MARK} ]`)).exitCode === 0;
    const version = () => host.shell("curl --silent http://127.0.0.1:11434/api/version");
    const binary = (release: string) => host.shell(`stat -c '%i %Z' ${RELEASES}/${release}/bin/ollama`);
    const kept = async () => ({
      onHost: await host.shell(`ls ${RELEASES}`),
      onLedger: await host.shell(
        `awk -F'\\t' '$3 == "tree" && $4 ~ "^${RELEASES}/" { print $4 }' /var/lib/tms-llm/ledger | sort`,
      ),
    });
    const both = (...names: string[]) => ({
      onHost: names.join("\n"),
      onLedger: names.map((name) => `${RELEASES}/${name}`).join("\n"),
    });

    async function settled(plan: readonly Step[]): Promise<void> {
      expect(await checkHost(host)).toEqual([]);
      for (const name of PHASES) {
        const again = await runPhase(host, name, phase(plan, name));
        expect(again.filter(({ changed }) => changed > 0)).toEqual([]);
      }
      expect(await isPaused()).toBe(false);
    }

    test("a new release: the stream goes on to its end, newcomers get 503 with Retry-After until it has answered", async () => {
      const upgraded = await releases.steps(steps, SECOND);
      await deliver(host, upgraded);
      const answer = await heldAnswer();
      const upgrade = submitPhase(host, "engine", phase(upgraded, "engine"));
      await untilPaused();

      const newcomer = await ask("/v1/chat/completions", question({ max_tokens: 4 }));
      const health = await ask("/health");
      const onHost = await host.ask("/opt/llm/health-check.sh");
      expect(newcomer.text).toMatch(
        /^HTTP\/1.1 503 [^]*Retry-After: \d+\r\n[^]*"message":"The model server is being restarted/,
      );
      expect(newcomer.text).toContain('"code":"service_unavailable"');
      expect(health.text).toMatch(/^HTTP\/1.1 503 [^]*Retry-After: \d+\r\n/);
      expect([onHost.exitCode, onHost.stdout]).toEqual([0, expect.stringMatching(/^endpoint +PAUSED since [\d:]+: /m)]);

      await answer.goOn();
      expect(await answer.done).toMatch(WHOLE);
      const { exitCode, stderr } = await upgrade;
      expect(exitCode, stderr).toBe(0);
      expect(await version()).toContain(SECOND);
      expect((await ask("/v1/chat/completions", question({ max_tokens: 4 }))).status).toBe(200);
      expect(await host.journal()).toMatch(
        /rehearsal: Ollama 0.17.5 beside [^]*ask tiny for answers\n[^]*pause: new requests get 503 [^]*let 1 answers come to their end\n[^]*restart tms-ollama[^]*ask tiny for answers\n[^]*the pause is over after \d+ s/,
      );
      await settled(upgraded);
    });

    test("the release before stays: going back unpacks nothing, nor is anything sent", async () => {
      expect(await kept()).toEqual(both(FIRST, SECOND));
      const [first, second] = [await binary(FIRST), await binary(SECOND)];
      await runPhase(host, "engine", phase(steps, "engine"));
      expect(await version()).toContain(FIRST);
      expect([await binary(FIRST), await binary(SECOND)]).toEqual([first, second]);
      expect(await kept()).toEqual(both(FIRST, SECOND));
      await settled(steps);
    });

    /** The next release with a setting under which no model is ever loaded. */
    const broken = async (rehearsal: "wanted" | "") =>
      (await releases.steps(steps, THIRD)).map((step) =>
        step.script === "ollama.sh"
          ? {
              ...sabotaged(step, "OLLAMA_LOAD_TIMEOUT=900s", "OLLAMA_LOAD_TIMEOUT=1ns"),
              inputs: { ...step.inputs, rehearsal },
            }
          : step,
      );
    const REHEARSAL = "tms-ollama-rehearsal.service";
    const rehearsals = () =>
      host.shell(
        `systemctl list-units --all --plain --no-legend ${REHEARSAL}; ls /run/systemd/system | grep rehearsal || true`,
      );

    const UNTIL_REHEARSED = `for i in $(seq 600); do systemctl is-active --quiet ${REHEARSAL} && break; sleep 0.05; done`;

    test("a release that fails its rehearsal: nobody notices, the same process answers on", async () => {
      const plan = await broken("wanted");
      await deliver(host, plan);
      const before = await host.shell("systemctl show --property MainPID,InvocationID tms-ollama");
      const answer = await heldAnswer();
      const failed = await submitPhase(host, "engine", phase(plan, "engine"));
      expect(failed.exitCode).not.toBe(0);
      expect(failed.stderr).toMatch(
        /model tiny does not answer with the new engine[^]*the former engine goes on, and no client has noticed anything/,
      );
      await answer.goOn();
      expect(await answer.done).toMatch(WHOLE);
      expect(await host.shell("systemctl show --property MainPID,InvocationID tms-ollama")).toBe(before);
      expect(await rehearsals()).toBe("");
      expect(await host.journal(), "no pause").not.toMatch(/rehearsal: Ollama 0.17.6[^]*pause: new requests/);
      await runPhase(host, "engine", phase(steps, "engine"));
      await settled(steps);
    });

    test("a rehearsal ends with a phase that is killed, and the next run begins it anew", async () => {
      const plan = await releases.steps(steps, THIRD);
      await deliver(host, plan);
      const killed = submitPhase(host, "engine", phase(plan, "engine"));
      await host.shell(UNTIL_REHEARSED);
      await breakOffPhase(host);
      expect((await killed).exitCode).not.toBe(0);
      expect(await host.shell(`sleep 1; systemctl is-active ${REHEARSAL} || true`)).not.toBe("active");
      expect(await version()).toContain(FIRST);
      await runPhase(host, "engine", phase(steps, "engine"));
      expect(await rehearsals()).toBe("");
      await settled(steps);
    });

    test("a release that fails its proof without a rehearsal: the former one comes back, the stream was not cut, and nothing stays closed", async () => {
      const plan = await broken("");
      await deliver(host, plan);
      const answer = await heldAnswer();
      const failing = submitPhase(host, "engine", phase(plan, "engine"));
      await untilPaused();
      await answer.goOn();
      const failed = await failing;
      expect(await answer.done).toMatch(WHOLE);
      expect(failed.exitCode).not.toBe(0);
      expect(failed.stderr).toMatch(/model tiny does not answer[^]*the former engine runs again/);
      expect(await isPaused()).toBe(false);
      expect(await version()).toContain(FIRST);
      expect((await ask("/v1/chat/completions", question({ max_tokens: 4 }))).status).toBe(200);

      await runPhase(host, "engine", phase(steps, "engine"));
      expect(await kept(), "a release that never proved itself is none of the last two").toEqual(both(FIRST, SECOND));
      await settled(steps);
    });

    test("of three releases the oldest goes", async () => {
      const third = await releases.steps(steps, THIRD);
      await deliver(host, third);
      await runPhase(host, "engine", phase(third, "engine"));
      expect(await kept()).toEqual(both(FIRST, THIRD));
      await settled(third);
      await runPhase(host, "engine", phase(steps, "engine"));
    });

    test("a rehearsal that is killed, as the kernel does for memory, tells nothing: the switch comes all the same", async () => {
      const plan = await releases.steps(steps, THIRD);
      await deliver(host, plan);
      const upgrade = submitPhase(host, "engine", phase(plan, "engine"));
      await host.shell(`${UNTIL_REHEARSED}; systemctl kill --signal KILL ${REHEARSAL}`);
      const { exitCode, stderr } = await upgrade;
      expect(exitCode, stderr).toBe(0);
      expect(await host.journal()).toMatch(/the rehearsal tells nothing: the kernel killed it[^]*pause: /);
      expect(await version()).toContain(THIRD);
      expect(await rehearsals()).toBe("");
      await runPhase(host, "engine", phase(steps, "engine"));
    });

    test("another model is made beside the one that answers: no pause, and the stream goes on to its end", async () => {
      const other = planned({
        models: [{ name: "tiny", source: "builtin:tiny", context: 2048, parameters: { temperature: 0.3 } }],
      });
      await deliver(host, phase(other, "model"));
      const answer = await heldAnswer();
      const change = runPhase(host, "model", phase(other, "model"));
      expect((await ask("/v1/models")).status).toBe(200);
      expect(await isPaused()).toBe(false);
      await answer.goOn();
      await change;
      expect(await answer.done).toMatch(WHOLE);
      await settled(other);
      await deliver(host, phase(steps, "model"));
      await runPhase(host, "model", phase(steps, "model"));
    });

    test("an answer that takes longer than the drain is cut off, and the deployment says so", async () => {
      const hasty = planned({ engine: { kind: "ollama", drain: "1s", keepAlive: "1h" } });
      const answer = await heldAnswer();
      await runPhase(host, "engine", phase(hasty, "engine"));
      expect(await answer.done).not.toContain("[DONE]");
      expect(await host.journal()).toContain("1 answers are cut off after 1 s");
      await settled(hasty);
    });

    test("a deployment that is killed in the pause leaves no closed door, and the next one finishes its work", async () => {
      const answer = await heldAnswer();
      const killed = submitPhase(host, "engine", phase(steps, "engine"));
      await untilPaused();
      await breakOffPhase(host);
      expect((await killed).exitCode).not.toBe(0);
      expect(await isPaused()).toBe(false);
      expect((await ask("/v1/models")).status).toBe(200);
      await answer.goOn();
      expect(await answer.done).toMatch(WHOLE);
      await runPhase(host, "engine", phase(steps, "engine"));
      await settled(steps);
    });

    test("a removal takes both releases", async () => {
      await removeAll(host);
      expect((await host.ask(`ls ${RELEASES} /var/lib/tms-llm`)).stdout).toBe("");
    });
  },
);
