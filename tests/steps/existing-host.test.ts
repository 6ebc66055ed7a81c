import { afterAll, beforeAll, expect, test, describe } from "vitest";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { checkHost, deploy, plannedSteps, prepareMaterial, removeAll } from "../harness/deployment";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";

/** A host that somebody has used for other things, under names that are ours too. */
const OCCUPY = `
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq install --no-install-recommends nginx-light ufw >/run/occupy.log 2>&1
  mkdir -p /srv/own && echo mine >/srv/own/index.html
  echo 'server { listen 8080; listen [::]:8080; root /srv/own; }' >/etc/nginx/sites-available/own
  ln -s ../sites-available/own /etc/nginx/sites-enabled/own
  systemctl reload nginx
  ufw allow 22/tcp
  ufw allow proto tcp from 10.0.0.0/8 to any port 8080
  ufw allow proto tcp from 192.0.2.9 to 0.0.0.0/0 port 443
  ufw default reject incoming
  ufw --force enable
  useradd --create-home --home-dir /home/tms --shell /bin/bash tms
  install -d -o tms -g tms -m 0700 /opt/llm
  install -d -o daemon -g daemon -m 0711 /opt/llm/models
  echo weights | install -o daemon -g adm -m 0640 /dev/stdin /opt/llm/models/other.gguf
  echo '/var/log/mine.log { weekly }' >/etc/logrotate.d/tms-llm
  chmod 0600 /etc/logrotate.d/tms-llm`;

describe.skipIf(DOCKER_MISSING)("a host that had nginx, ufw and a user tms before (needs Docker)", () => {
  let host: BareHost;
  let steps: readonly Step[];
  let before: Snapshot;

  beforeAll(async () => {
    const material = await prepareMaterial();
    host = await BareHost.start(material.image);
    await host.shell(`set -e; ${OCCUPY}`);
    before = await takeSnapshot(host);
    steps = plannedSteps(material);
  });
  afterAll(() => host.remove());

  const ownSite = () => host.shell("curl --fail --silent http://127.0.0.1:8080/");

  test("goes on serving what it served, beside the endpoint", async () => {
    await deploy(host, steps);
    expect(await ownSite()).toBe("mine");
    expect(await checkHost(host)).toEqual([]);
    expect(await host.shell("getent passwd tms")).toContain(":/home/tms:/bin/bash");
    expect(await host.shell("ufw status")).toMatch(/^8080\/tcp +ALLOW +10\.0\.0\.0\/8/m);
  });

  test.each([
    ["a removal", "true"],
    ["a purging removal", "touch /var/lib/tms-llm/purge"],
  ])("is as before after %s", async (_, mark) => {
    await deploy(host, steps);
    await host.shell(mark);
    await removeAll(host);
    const left = differences(before, await takeSnapshot(host), "equivalent");
    expect(left.filter((line) => !OUR_DATA.test(line))).toEqual([]);
    expect(await ownSite()).toBe("mine");
  });
});

/** What a removal leaves on purpose; on a folder that was there before, a purge leaves it too. */
const OUR_DATA = /^path \/opt\/llm\/(models|cache)(\/.*)?: was absent, is . root:root /;
