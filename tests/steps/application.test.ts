import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import {
  checkHost,
  deploy,
  plannedSteps,
  prepareMaterial,
  removeAll,
  stackConfig,
  submitPhase,
} from "../harness/deployment";

const PATH = "/srv/tms/.env.production.local";
const CONFIG = stackConfig({
  clients: { tms: { a: 1, application: { onHost: { path: PATH, owner: "app:app" } } } },
});

/** Each test goes on where the last one stopped. */
describe.skipIf(DOCKER_MISSING)("the env file of an application on the host (needs Docker)", () => {
  let host: BareHost;
  let steps: ReturnType<typeof plannedSteps>;
  const asApplication = (line: string) => host.shell(`su app -s /bin/bash -c '${line}'`);

  beforeAll(async () => {
    const material = await prepareMaterial();
    host = await BareHost.start(material.image);
    steps = plannedSteps(material, CONFIG);
  });
  afterAll(() => host.remove());

  test("is refused where the application's user is not there, with advice", async () => {
    await host.shell("mkdir /srv/tms");
    await deploy(
      host,
      steps.filter(({ name }) => name !== "application"),
    );
    const gateway = steps.filter(({ phase }) => phase === "gateway");
    const { exitCode, stderr } = await submitPhase(host, "gateway", gateway);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("application: /srv/tms/.env.production.local has no owner");
    expect(stderr).toContain("clients.<name>.application.onHost.owner");
    await removeAll(host);
  });

  test("lets the application ask over loopback, and is its own alone", async () => {
    await host.shell(`set -e
      useradd --system --home-dir /srv/tms --shell /usr/sbin/nologin app
      echo LLM_BASE_URL=http://127.0.0.1:8000/v1 >${PATH}
      chmod 0640 ${PATH}
      chown -R app:app /srv/tms`);
    await deploy(host, steps);
    expect(await host.shell(`stat -c '%U:%G %a' ${PATH}`)).toBe("app:app 600");
    const answer = await asApplication(
      `set -a; . ${PATH}; curl --silent --cacert $NODE_EXTRA_CA_CERTS --header "Authorization: Bearer $LLM_API_KEY" $LLM_BASE_URL/models`,
    );
    expect(answer).toContain('"id":"tiny:latest"');
    expect(await checkHost(host)).toEqual([]);

    await removeAll(host);
    expect(await host.shell(`stat -c '%U:%G %a' ${PATH} && cat ${PATH}`)).toBe(
      "app:app 640\nLLM_BASE_URL=http://127.0.0.1:8000/v1",
    );
  });
});
