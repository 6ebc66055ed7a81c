import type { BareHost } from "./bare-host";
import { callItself, contents, type MadePackage } from "./driver";

/** A Debian host that calls itself Oracle Linux 8, with real dnf and rpm and packages made for a test. */

const ORACLE =
  'NAME="Oracle Linux Server"\nVERSION_ID="8.10"\nID="ol"\nID_LIKE="fedora"\nPLATFORM_ID="platform:el8"\nPRETTY_NAME="Oracle Linux Server 8.10"\n';

export interface MadeRpm extends MadePackage {
  readonly epoch?: number;
  readonly release?: string;
  readonly provides?: string;
  /** Commands after its installation, and before its removal. */
  readonly post?: string;
  readonly preun?: string;
}

/** What every host of the family has. */
export const EVERY_HOST: readonly MadeRpm[] = [
  { name: "bash", version: "1", provides: "/bin/sh" },
  { name: "oraclelinux-release", version: "1", provides: "system-release(releasever) = 8" },
  { name: "gnupg2", version: "1", provides: "/usr/bin/gpg" },
];

/**
 * With the awk of that family too, which takes some things otherwise than Debian does.
 * @param further packages of Debian's
 */
export async function rpmTools(host: BareHost, further = ""): Promise<void> {
  await host.shell(`export DEBIAN_FRONTEND=noninteractive
    for attempt in 1 2; do
      apt-get -qq install --no-install-recommends dnf rpm createrepo-c dnf-plugins-core file gawk gpg gpg-agent ${further} >/run/tools.log 2>&1 && break
      apt-get -qq update
    done
    # A plugin that Debian switches on, for packages of the host's own.
    sed -i 's/^enabled *=.*/enabled = false/' /etc/dnf/plugins/local.conf
    # Debian's rpm keeps its database in the caller's home otherwise.
    mkdir -p /etc/pki/rpm-gpg /etc/rpm && echo '%_dbpath /var/lib/rpm' >/etc/rpm/macros`);
}

/** @param folder of its own repository, with {@link EVERY_HOST} in it; `installed` are further ones that it has */
export async function becomeOracleLinux(host: BareHost, folder: string, installed = ""): Promise<void> {
  await host.shell(
    `mkdir -p /etc/yum.repos.d; printf '[made]\\nname=made\\nbaseurl=file://${folder}\\ngpgcheck=0\\n' >/etc/yum.repos.d/made.repo`,
  );
  await callItself(host, ORACLE);
  await host.shell(`dnf -q -y install bash oraclelinux-release gnupg2 ${installed}`);
}

const spec = (made: MadeRpm) => `%define debug_package %{nil}
Name: ${made.name}
Epoch: ${made.epoch ?? 0}
Version: ${made.version}
Release: ${made.release ?? "1"}
Summary: Made for a test
License: none
${made.needs === undefined ? "" : `Requires: ${made.needs}`}
${made.provides === undefined ? "" : `Provides: ${made.provides}`}
%description
Made for a test.
%install
mkdir -p %{buildroot} && cp -a /run/made/${made.name}-${made.version}/. %{buildroot}
${made.post === undefined ? "" : `%post\n${made.post}\n`}
${made.preun === undefined ? "" : `%preun\n${made.preun}\n`}
%files
${Object.keys(contents(made))
  .map((path) => `%attr(${/^\/(usr|opt)\/(.*\/)?bin\//.test(path) ? "0755" : "0644"}, root, root) ${path}`)
  .join("\n")}
`;

/** Makes .rpm files in a folder of the host, and the index beside them. @param signed by {@link makeKey}'s key */
export async function makeRpms(
  host: BareHost,
  folder: string,
  packages: readonly MadeRpm[],
  signed = false,
): Promise<void> {
  const specs = packages.map((made) => `${rootOf(made)}.spec`);
  await host.shell(packages.flatMap(putCommands).join("\n"));
  await host.shell(`set -e; export HOME=/root; mkdir -p ${folder}
    rpmbuild -bb --quiet --define '_topdir /run/made/rpm' --define '_rpmdir ${folder}' --define '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' ${specs.join(" ")} >/run/build.log 2>&1 || { tail -5 /run/build.log >&2; exit 1; }`);
  if (signed) {
    await host.shell(
      `set -e; export GNUPGHOME=/run/made/gnupg; rpmsign --define '_gpg_name made@test' --define '__gpg /usr/bin/gpg' --addsign ${folder}/*.rpm >/run/sign.log 2>&1 || { cat /run/sign.log >&2; exit 1; }`,
    );
  }
  await host.shell(`createrepo_c --quiet ${folder}`);
}

const rootOf = ({ name, version }: MadeRpm) => `/run/made/${name}-${version}`;

/** One command a file: a call of the container for each would take longer than the build. */
function putCommands(made: MadeRpm): string[] {
  const files = Object.entries(contents(made)).map(([path, text]) => [`${rootOf(made)}${path}`, text] as const);
  return [...files, [`${rootOf(made)}.spec`, spec(made)] as const].map(
    ([path, text]) =>
      `mkdir -p ${path.replace(/\/[^/]*$/, "")} && echo ${Buffer.from(text).toString("base64")} | base64 -d >${path}`,
  );
}
