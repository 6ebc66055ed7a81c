import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { plannedFile } from "../../plan/render/payload";
import { PHASES, type Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import {
  checkHost,
  deliver,
  deploy,
  plannedSteps,
  prepareMaterial,
  runPhase,
  stackConfig,
  submitPhase,
  type Material,
} from "../harness/deployment";
import { sabotaged } from "../harness/gateway";
import { differences, elsewhere, takeSnapshot, type Snapshot } from "../harness/snapshot";

/** What fails is to fail at the switch. */
const UNREHEARSED = { kind: "ollama", rehearsal: false };

/** The first plan of the tests; B is what each of them changes. */
const A = stackConfig({ engine: UNREHEARSED });
const MODEL = A.models[0]!;

describe.skipIf(DOCKER_MISSING)("from plan A to plan B and back (needs Docker)", () => {
  let host: BareHost;
  let material: Material;
  let steps: readonly Step[];
  let deployed: Snapshot;

  beforeAll(async () => {
    material = await prepareMaterial();
    host = await BareHost.start(material.image);
    steps = plannedSteps(material, A);
    await deploy(host, steps);
    deployed = await takeSnapshot(host);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") await deploy(host, steps);
  });
  afterAll(() => host.remove());

  /** Runs the phases in which the two plans differ, also those that the second leaves empty. */
  async function move(from: readonly Step[], to: readonly Step[]): Promise<void> {
    for (const phase of PHASES) {
      const [before, after] = [from, to].map((plan) => plan.filter((step) => step.phase === phase));
      if (JSON.stringify(before) === JSON.stringify(after)) continue;
      await deliver(host, after!);
      await runPhase(host, phase, after!);
    }
  }

  const isAsInPlanA = async () => {
    expect(await checkHost(host)).toEqual([]);
    expect(differences(deployed, await takeSnapshot(host), "equivalent")).toEqual([]);
  };

  /** The steps, with one of them turned into another. */
  const withStep = (script: string, change: (step: Step) => Step) =>
    steps.map((step) => (step.script === script ? change(step) : step));

  const planned = (changes: Record<string, unknown>) =>
    plannedSteps(material, stackConfig({ engine: UNREHEARSED, ...changes }));

  test.each<[change: string, plan: () => readonly Step[], question: string, inB: RegExp, inA: RegExp]>([
    [
      "a network that may no longer come in",
      () => planned({ access: { allow: ["10.1.2.0/24"] } }),
      "ufw status | grep -c ' 443/tcp\\|^443/tcp\\|443/tcp '",
      /^1$/,
      /^3$/,
    ],
    [
      "a firewall that is somebody else's work from now on",
      () => planned({ access: { firewall: "off" } }),
      "iptables -S | grep -c ufw- || command -v ufw || echo none",
      /^0\n/,
      /^[1-9]\d+$/,
    ],
    [
      "a second model",
      () => planned({ models: [MODEL, { ...MODEL, name: "second", context: 1024 }] }),
      "HOME=/root /opt/llm/ollama/*/bin/ollama list | tail -n +2 | awk '{print $1}' | sort | xargs",
      /^second:latest tiny:latest$/,
      /^tiny:latest$/,
    ],
    [
      "a client with a key, and a route",
      () => planned({ gateway: { applicationRoute: {} }, clients: { tms: { a: 1 }, other: { a: 1 } } }),
      "grep -c other /etc/nginx/tms-llm/keys.conf; grep -c 127.0.0.1:3000 /etc/nginx/conf.d/tms-llm.conf",
      /^[1-9]\n[1-9]$/,
      /^0\n0$/,
    ],
    [
      "another port of the gateway, without TLS",
      () => planned({ gateway: { port: 8443, tls: { mode: "off" } } }),
      "ss -Hltn | grep -o ':8443\\|:443' | sort -u; ls /etc/tms-llm/tls 2>&1 | grep -c pem",
      /^:8443\n0$/,
      /^:443\n[1-9]$/,
    ],
    [
      "another port of the engine",
      () => planned({ engine: { ...UNREHEARSED, port: 11500 } }),
      "ss -Hltnp | grep '\"ollama\"' | grep -o '127.0.0.1:11[0-9]*' | sort -u",
      /^127\.0\.0\.1:11500$/,
      /^127\.0\.0\.1:11434$/,
    ],
    [
      "a file",
      () => withStep("account.sh", withFile("/etc/tms-llm/extra", "x\n")),
      "test ! -e /etc/tms-llm/extra && echo gone || echo there",
      /^there$/,
      /^gone$/,
    ],
  ])("%s: B is made, and A is as it was", async (_, plan, question, inB, inA) => {
    const b = plan();
    await move(steps, b);
    expect(await checkHost(host)).toEqual([]);
    expect((await host.ask(question)).stdout).toMatch(inB);
    await move(b, steps);
    expect((await host.ask(question)).stdout).toMatch(inA);
    await isAsInPlanA();
  });

  const withFile = (path: string, text: string) => (step: Step) => ({
    ...step,
    files: [...step.files, plannedFile(path, text)],
  });

  test("a configuration that nginx refuses leaves the host as it was, and the next good one is taken", async () => {
    const b = withStep("gateway.sh", (step) => sabotaged(step, "server_name", "servername"));
    const phase = b.filter((step) => step.phase === "gateway");
    const failed = await submitPhase(host, "gateway", phase);
    expect(failed.exitCode).not.toBe(0);
    expect(failed.stderr).toMatch(/gateway: .*\n {2}why: .*unknown directive "servername"/);
    expect(failed.stderr).toMatch(/\n {2}way out: /);
    expect(elsewhere(differences(deployed, await takeSnapshot(host), "equivalent"))).toEqual([]);
    await move(b, steps);
    await isAsInPlanA();
  });

  test.each<[failure: string, plan: () => readonly Step[], message: RegExp]>([
    [
      "an engine that does not start",
      () => withStep("ollama.sh", (step) => sabotaged(step, "bin/ollama serve", "bin/nothing serve")),
      /unit tms-ollama\.service does not start\n {2}why: [^]*bin\/nothing[^]*\n {2}way out: /,
    ],
    [
      "a model that cannot be made",
      () => withStep("model.sh", (step) => sabotaged(step, "PARAMETER num_ctx 2048", "PARAMETER nonsense 1")),
      /model tiny could not be made\n {2}why: [^]*nonsense[^]*\n {2}way out: /,
    ],
    [
      "a unit that systemd does not understand",
      () => withStep("health.sh", (step) => sabotaged(step, "[Timer]", "[Timers]")),
      /unit tms-llm-health\.timer does not start\n {2}why: /,
    ],
    [
      "a user for a file that is not there",
      () =>
        withStep("account.sh", (step) => ({
          ...step,
          files: [plannedFile("/etc/tms-llm/x", "x", "nobody-here:root")],
        })),
      /nobody-here/,
    ],
  ])("%s: B fails and says why, and A repairs the host", async (_, plan, message) => {
    const b = plan();
    await expect(move(steps, b)).rejects.toThrow(message);
    await move(b, steps);
    await isAsInPlanA();
  });

  test.each<[failure: string, plan: () => readonly Step[], message: RegExp]>([
    [
      "a model that cannot be made",
      () => withStep("model.sh", (step) => sabotaged(step, "PARAMETER num_ctx 2048", "PARAMETER nonsense 1")),
      /nonsense[^]*the former tiny goes on/,
    ],
    [
      "a model that does not answer",
      () =>
        withStep("model.sh", (step) =>
          sabotaged(step, "PARAMETER num_ctx", "TEMPLATE {{ .Messages.Nothing }}\nPARAMETER num_ctx"),
        ),
      /model tiny does not answer\n {2}why: HTTP [^]*the former tiny goes on/,
    ],
    [
      "an engine that does not start",
      () => withStep("ollama.sh", (step) => sabotaged(step, "bin/ollama serve", "bin/nothing serve")),
      /does not start[^]*the former engine runs again/,
    ],
    [
      "an engine with which the model does not answer",
      () => withStep("ollama.sh", (step) => sabotaged(step, "OLLAMA_LOAD_TIMEOUT=900s", "OLLAMA_LOAD_TIMEOUT=1ns")),
      /does not answer with the new engine[^]*the former engine runs again/,
    ],
    [
      "an engine that has none of the models",
      () =>
        withStep("ollama.sh", (step) => sabotaged(step, "OLLAMA_MODELS=/opt/llm/models", "OLLAMA_MODELS=/tmp/none")),
      /the new engine has no model tiny\n {2}why: [^]*the former engine runs again/,
    ],
  ])("%s: the former one comes back by itself, and answers", async (_, plan, message) => {
    const b = plan();
    await expect(move(steps, b)).rejects.toThrow(message);
    const question = '{"model":"tiny","max_tokens":4,"messages":[{"role":"user","content":"ping"}]}';
    const answer = await host.shell(
      "curl --silent --fail --header 'Content-Type: application/json' --data @- http://127.0.0.1:11434/v1/chat/completions",
      question,
    );
    expect(answer).toContain('"choices":[{');
    await move(b, steps);
    await isAsInPlanA();
  });

  test("an artifact with another checksum is refused and deleted, and nothing else happens", async () => {
    const sha256 = "0".repeat(64);
    const path = `/var/lib/tms-llm-incoming/${sha256}`;
    const b = withStep("ollama.sh", (step) => ({
      ...step,
      inputs: { ...step.inputs, version: "9.9.9" },
      artifacts: step.artifacts.map((artifact) => ({ ...artifact, sha256 })),
    }));
    await host.shell(`echo something else >${path}`);
    const failed = await submitPhase(
      host,
      "engine",
      b.filter(({ phase }) => phase === "engine"),
    );
    expect(failed.stderr).toMatch(
      /checksum mismatch of ollama\n {2}why: expected 0{64}, found [0-9a-f]{64}\n {2}way out: /,
    );
    expect((await host.ask(`ls ${path}`)).exitCode).not.toBe(0);
    expect(elsewhere(differences(deployed, await takeSnapshot(host), "equivalent"))).toEqual([]);
    await move(b, steps);
    await isAsInPlanA();
  });
});
