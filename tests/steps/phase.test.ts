import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { hostsStep } from "../../plan/network";
import { DRIFT_TEXT, loaderText } from "../../plan/render/loader";
import { phasePayload, renderAnchor, renderPayload } from "../../plan/render/payload";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { anchor, prepareMaterial, removeAll, runPhase, stackConfig, submitPhase } from "../harness/deployment";

/** How a phase begins and ends, whatever its steps are: here one that adds a line to /etc/hosts. */
const STEPS: readonly Step[] = [
  hostsStep(stackConfig({ network: { hosts: { "mirror.test": "192.0.2.1" } } }).network)!,
];

/** Stands before a program of the same name on every phase's PATH, and does `text`, with the program itself as `$real`. */
const stepIn = (program: string, text: string) => `
  real=$(command -v ${program})
  install -m 0755 /dev/stdin /usr/local/sbin/${program} <<END
#!/bin/bash
real=$real
${text.replaceAll(/[$\\`]/g, "\\$&")}
END`;
const STEP_OUT = "/usr/bin/rm -f /usr/local/sbin/rm /usr/local/sbin/mv /usr/local/sbin/cp /usr/local/sbin/ln";

/** By which systemd-run reaches systemd. */
const SYSTEMD_SOCKETS = "for socket in /run/systemd/private /run/dbus/system_bus_socket";

describe.skipIf(DOCKER_MISSING)("a phase's run and the remover (needs Docker)", () => {
  let host: BareHost;
  let untouched: string;

  const hosts = () => host.shell("cat /etc/hosts");
  const leftInTmp = () => host.shell("ls -A /tmp");

  beforeAll(async () => {
    host = await BareHost.start((await prepareMaterial()).image);
    untouched = await hosts();
  });
  beforeEach(async () => {
    await anchor(host);
    await runPhase(host, "base", STEPS);
  });
  afterEach(async () => {
    await host.shell(STEP_OUT);
    await removeAll(host);
    expect(await hosts()).toBe(untouched);
    expect((await host.ask("ls /var/lib/tms-llm")).exitCode).not.toBe(0);
  });
  afterAll(() => host.remove());

  test("that systemd does not start has failed, also where an earlier one of the same plan went well", async () => {
    await host.shell(`${SYSTEMD_SOCKETS}; do [ ! -e $socket ] || mv $socket $socket.away; done`);
    const said = await submitPhase(host, "base", STEPS);
    await host.shell(`${SYSTEMD_SOCKETS}; do [ ! -e $socket.away ] || mv $socket.away $socket; done`);
    expect(said.exitCode).toBe(1);
    expect(said.stdout).toBe("");
    expect(said.stderr).toMatch(/phase base did not finish: .*connect[^]*\n {2}way out: run up again/i);
  });

  test("waits for another one only so long, and names it", async () => {
    await host.shell("systemd-run --quiet --unit=tms-llm-phase --description='tms-llm phase engine' sleep 60");
    const payload = phasePayload("base", STEPS, { limitSeconds: 60, waitSeconds: 0 });
    const said = await host.ask(loaderText("base", payload.digest, host.name), renderPayload(payload, {}));
    await host.shell("systemctl stop tms-llm-phase");
    expect(said.exitCode).toBe(1);
    expect(said.stderr).toMatch(
      /phase base did not finish: it waited 0 s for another run on the host to end: tms-llm phase engine\n/,
    );
  });

  test("a removal that failed once goes well when its cause is gone", async () => {
    await host.shell(
      "cp /var/lib/tms-llm/ledger /run/ledger; printf 'base\\thosts\\tnonsense\\tx\\tabsent\\n' >>/var/lib/tms-llm/ledger",
    );
    await expect(removeAll(host)).rejects.toThrow(/cannot take back nonsense x/);
    await host.shell("cp /run/ledger /var/lib/tms-llm/ledger");
    await removeAll(host);
    expect((await host.ask("ls /var/lib/tms-llm")).exitCode).not.toBe(0);
  });

  test.each(["rm", "cp", "mv", "ln"])(
    "an anchor that is killed as it calls %s, at each of its calls, leaves a host that can be freed",
    async (program) => {
      for (let call = 1; ; call++) {
        await anchor(host);
        await runPhase(host, "base", STEPS);
        await host.shell(
          stepIn(program, `echo >>/run/calls; [ $(wc -l </run/calls) != ${call} ] || kill -9 $PPID; exec $real "$@"`),
        );
        const { exitCode } = await host.ask(
          loaderText("anchor", "", "", "anchor"),
          renderAnchor("step-tests", "steps"),
        );
        await host.shell(`${STEP_OUT} /run/calls`);
        await removeAll(host);
        expect(await hosts(), `${program}, call ${call}`).toBe(untouched);
        if (exitCode === 0) break;
      }
    },
  );

  test("a removal says so where the ledger is there and the remover is gone", async () => {
    await host.shell("mv /var/lib/tms-llm/remover /run/");
    await expect(removeAll(host)).rejects.toThrow(/lists what to take back, and the remover is gone; way out: run up/);
    await host.shell("mv /run/remover /var/lib/tms-llm/");
  });

  test("a check writes nothing where somebody takes the name of its folder in /tmp", async () => {
    const planted = 'case "$*" in *"/tmp/tmp."*) mkdir "${@: -1}" && ln -s /etc/victim "${@: -1}/touched" ;; esac';
    await host.shell(stepIn("rm", `$real "$@"; ${planted}`));
    await host.shell(DRIFT_TEXT);
    await host.shell(`${STEP_OUT}; rm -rf /tmp/tmp.*`);
    expect((await host.ask("ls /etc/victim")).exitCode).not.toBe(0);
  });

  test("a check that fails leaves nothing in /tmp", async () => {
    const before = await leftInTmp();
    await host.shell("rm /var/lib/tms-llm/phases/base/steps/00-hosts/inputs.sh");
    expect(await host.shell(DRIFT_TEXT)).toContain('"found":"failed"');
    expect(await leftInTmp()).toBe(before);
  });
});
