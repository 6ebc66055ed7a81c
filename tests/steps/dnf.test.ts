import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { anchor, checkHost, plannedSteps, prepareMaterial, removeAll, runPhase } from "../harness/deployment";
import { chosenSeed, killPhase, killRemoval, seededRandom } from "../harness/kill";
import { differences, elsewhere, takeSnapshot, type Snapshot } from "../harness/snapshot";

const DEBIAN_PACKAGES = "dnf rpm createrepo-c";

/** As Oracle Linux 8 describes itself. */
const OS_RELEASE =
  'NAME="Oracle Linux Server"\nVERSION_ID="8.10"\nID="ol"\nID_LIKE="fedora"\nPRETTY_NAME="Oracle Linux Server 8.10"\n';

/** What the account step asks for, under the names that it has there, as packages of one file; `needs` is a dependency. */
const RPMS: readonly { readonly name: string; readonly needs?: string; readonly provides?: string }[] = [
  // What every host of the family has: what runs packages' scripts, and the release by which repositories are named.
  { name: "bash", provides: "/bin/sh" },
  { name: "oraclelinux-release", provides: "system-release(releasever) = 8" },
  { name: "curl-minimal", provides: "/usr/bin/curl" },
  { name: "ca-certificates" },
  { name: "zstd" },
  { name: "logrotate", needs: "popt" },
  { name: "popt" },
  { name: "firewalld", needs: "python3-firewall" },
  { name: "python3-firewall", needs: "popt" },
  { name: "nginx", needs: "nginx-core" },
  { name: "nginx-core" },
  { name: "somebody-elses", needs: "nginx-core" },
];

// A last script, so that a package can be there without having run it. The old one's scripts run when it is installed once more, too,
// with how many stay as their argument (rpm-scriptlets(7)).
const spec = ({ name, needs, provides }: (typeof RPMS)[number]) => `Name: ${name}
Version: 1
Release: 1
Summary: Made for a test
License: none
BuildArch: noarch
${needs === undefined ? "" : `Requires: ${needs}`}
${provides === undefined ? "" : `Provides: ${provides}`}
%description
Made for a test.
%install
mkdir -p %{buildroot}/usr/local/share/rpms/${name}
echo ${name} >%{buildroot}/usr/local/share/rpms/${name}/file
%files
/usr/local/share/rpms/${name}
%post
sleep 0.1
mkdir -p /usr/local/share/rpms
echo configured >/usr/local/share/rpms/${name}.state
%preun
[ "$1" -gt 0 ] || rm -f /usr/local/share/rpms/${name}.state
`;

const BUILD = `
  export DEBIAN_FRONTEND=noninteractive HOME=/root
  for attempt in 1 2; do
    apt-get -qq install --no-install-recommends ${DEBIAN_PACKAGES} >/run/packages.log 2>&1 && break
    apt-get -qq update
  done
  # Debian's rpm keeps its database in the caller's home otherwise.
  mkdir -p /etc/rpm && echo '%_dbpath /var/lib/rpm' >/etc/rpm/macros
  cd /run/rpms && rpmbuild -bb --quiet --define '_topdir /run/rpms' *.spec >/run/build.log 2>&1
  mkdir -p /srv/repository && cp RPMS/noarch/*.rpm /srv/repository && createrepo_c --quiet /srv/repository
  mkdir -p /etc/yum.repos.d
  printf '[made]\\nname=made\\nbaseurl=file:///srv/repository\\ngpgcheck=0\\n' >/etc/yum.repos.d/made.repo
  rm -f /etc/os-release`;

/** The service's data outlives its deployment, in the hands of root. */
const isNoData = (line: string) => !/^path \/opt\/llm(\/(models|cache|logs))?: was absent, is . root:root /.test(line);

describe.skipIf(DOCKER_MISSING)(
  "real dnf and rpm on a Debian host that calls itself Oracle Linux 8, with packages made for the test (needs Docker)",
  () => {
    const seed = chosenSeed();
    const random = seededRandom(seed);
    let host: BareHost;
    let account: readonly Step[];
    let bare: Snapshot;

    beforeAll(async () => {
      host = await BareHost.start((await prepareMaterial()).image);
      account = plannedSteps(await prepareMaterial()).filter(({ name }) => name === "account");
      for (const rpm of RPMS) await host.shell(`mkdir -p /run/rpms; cat >/run/rpms/${rpm.name}.spec`, spec(rpm));
      await host.shell(`set -e; ${BUILD}`);
      await host.shell("cat >/etc/os-release", OS_RELEASE);
      await host.shell("dnf -q -y install bash oraclelinux-release");
      await anchor(host);
      bare = await takeSnapshot(host);
      console.log(`TMS_LLM_SEED=${seed}`);
    });
    afterAll(() => host.remove());

    const apply = () => runPhase(host, "base", account);
    const takeBack = () => runPhase(host, "base", []);
    const installed = () =>
      host.shell("rpm -qa --qf '%{NAME}\\n' | grep -vx -e bash -e oraclelinux-release | sort | xargs");
    const configured = () =>
      host.shell(
        "cd /usr/local/share/rpms && ls *.state | grep -v -e bash -e oraclelinux | sed 's/.state$//' | sort | xargs",
      );
    const left = async () => elsewhere(differences(bare, await takeSnapshot(host), "equivalent")).filter(isNoData);

    const ALL = "ca-certificates curl-minimal firewalld logrotate nginx nginx-core popt python3-firewall zstd";

    test("installs what a step names, by its name there, with dependencies on the ledger, once", async () => {
      expect((await apply())[0]!.changed).toBeGreaterThan(0);
      expect(await installed()).toBe(ALL);
      expect(await host.shell(`awk '$3 == "package" { print $4 }' /var/lib/tms-llm/ledger | sort | xargs`)).toBe(ALL);
      const applied = await takeSnapshot(host);
      expect((await apply())[0]!.changed).toBe(0);
      expect(differences(applied, await takeSnapshot(host), "reapplied")).toEqual([]);
      expect(await checkHost(host)).toEqual([]);
    });

    test("finds a package that somebody removed, and brings it back", async () => {
      await host.shell("dnf -q -y remove zstd");
      expect((await checkHost(host)).map(({ what, expected }) => `${what}: ${expected}`)).toEqual([
        "packages: zstd installed",
      ]);
      await apply();
      expect(await installed()).toBe(ALL);
    });

    test("takes away exactly what was new", async () => {
      await takeBack();
      expect(await left()).toEqual([]);
      await host.shell("dnf -q -y install popt");
      await apply();
      await takeBack();
      expect(await installed()).toBe("popt");
      await host.shell("dnf -q -y remove popt");
    });

    test("leaves what somebody else's package has come to need, and that package", async () => {
      await apply();
      await host.shell("dnf -q -y install somebody-elses");
      await takeBack();
      expect(await installed()).toBe("nginx-core somebody-elses");
      await host.shell("dnf -q -y remove somebody-elses nginx-core");
    });

    test("says which package no repository has", async () => {
      await host.shell("mv /etc/yum.repos.d/made.repo /run/");
      await expect(apply()).rejects.toThrow(
        /account: packages [^]*\n {2}why: [^]*logrotate[^]*\n {2}way out: check the host's repositories/,
      );
      await host.shell("mv /run/made.repo /etc/yum.repos.d/");
      await takeBack();
    });

    test("killed among the packages, it can be taken back or finished, with every script run", async () => {
      await apply();
      const finished = await takeSnapshot(host);
      await takeBack();
      const moments: string[] = [];
      for (const end of ["taken back", "finished", "taken back"]) {
        // The transaction begins after about a second; its scripts take another.
        const moment = 900 + random() * 1600;
        moments.push(`${moment.toFixed(0)} ms, ${end}`);
        await killPhase(host, "base", account, moment);
        if (end === "finished") {
          await apply();
          expect(await configured(), moments.join("; ")).toBe(ALL);
          expect(elsewhere(differences(finished, await takeSnapshot(host), "equivalent")), moments.join("; ")).toEqual(
            [],
          );
        }
        await takeBack();
        expect(await left(), moments.join("; ")).toEqual([]);
      }
    });

    test("goes without a trace, also when the removal is killed", async () => {
      await apply();
      await host.shell("touch /var/lib/tms-llm/purge");
      await killRemoval(host, 300 + random() * 1500);
      await removeAll(host);
      expect(
        differences(bare, await takeSnapshot(host), "equivalent").filter((line) => !line.includes("/var/lib/tms-llm")),
      ).toEqual([]);
    });
  },
);
