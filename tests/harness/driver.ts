import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { StackConfig } from "../../plan/config/schema";
import { driverSteps } from "../../plan/driver";
import { hostFacts } from "../../plan/host-facts";
import type { Step } from "../../plan/step";
import { hostFacts as fixtureFacts } from "../fixtures/hosts/load";
import type { BareHost } from "./bare-host";
import { stackConfig } from "./deployment";

/** A host on which a driver is installed from packages of the real names, made by a test; the kernel's part is a stand-in. */

const FIXTURES = join(__dirname, "..", "fixtures", "driver");

/** kmod's programs as stand-ins: a container loads no modules of its own. */
export async function standInModules(host: BareHost): Promise<void> {
  await host.shell("mkdir -p /etc/modprobe.d");
  for (const program of ["modinfo", "modprobe"]) {
    await host.shell(`cat >/usr/local/bin/${program} && chmod 0755 /usr/local/bin/${program}`, fixture(program));
  }
}

const fixture = (name: string) => readFileSync(join(FIXTURES, name), "utf8");

/** The host says that it runs the kernel that /etc/made-kernel names, also after a boot. */
export async function standInKernel(host: BareHost, kernel: string): Promise<void> {
  await host.shell(
    `cat >/usr/local/bin/uname && chmod 0755 /usr/local/bin/uname && echo ${kernel} >/etc/made-kernel`,
    `#!/bin/sh\nif [ "$*" = -r ]; then cat /etc/made-kernel; else exec /usr/bin/uname "$@"; fi\n`,
  );
}

/** The host says of itself that it is another system. */
export async function callItself(host: BareHost, osRelease: string): Promise<void> {
  await host.shell("rm -f /etc/os-release && cat >/etc/os-release", osRelease);
}

/** The step of a stack that installs the driver, planned for a host of the fixtures. */
export function driverStep(hostFixture: string, changes: Record<string, unknown> = {}): Step[] {
  const config: StackConfig = stackConfig({ gpu: { driver: "install" }, ...changes });
  return driverSteps(config, "test", hostFacts(fixtureFacts(hostFixture)));
}

/** A step as a former release of this project planned it: with the driver whole, for a desktop too. */
export const formerDriverStep = ([driver]: readonly Step[]): Step[] => [
  { ...driver!, inputs: { ...driver!.inputs, packages: driver!.inputs["former"]!, former: "" } },
];

/** The same step on Ubuntu 24.04 under Secure Boot. */
export function signedDriverStep(reboot = false): Step[] {
  const facts = hostFacts(fixtureFacts("ubuntu-24.04", { secureBoot: { efi: true, variable: 1 } }));
  return driverSteps(stackConfig({ gpu: { driver: "install", reboot } }), "test", facts);
}

export interface MadePackage {
  readonly name: string;
  readonly version: string;
  readonly needs?: string;
  /** What a package of the driver holds: its module, and nvidia-smi. */
  readonly driver?: boolean;
  /** The latter alone. */
  readonly program?: boolean;
  readonly files?: Readonly<Record<string, string>>;
}

const driverFiles = ({ version, driver, program }: MadePackage) => ({
  ...(driver === true ? { "/usr/share/made-for-test/nvidia-module": `${version.replace(/-.*/, "")}\n` } : {}),
  ...(driver === true || program === true ? { "/usr/bin/nvidia-smi": fixture("nvidia-smi") } : {}),
});

/** Paths and texts of a package; each has one file of its own at least. */
export const contents = (made: MadePackage): Readonly<Record<string, string>> => ({
  [`/usr/share/made-for-test/packages/${made.name}`]: `${made.version}\n`,
  ...driverFiles(made),
  ...made.files,
});

/** Makes .deb files in a folder of the host, and the index beside them. */
export async function makeDebs(host: BareHost, folder: string, packages: readonly MadePackage[]): Promise<void> {
  for (const made of packages) {
    const root = `/run/made/${made.name}-${made.version}`;
    for (const [path, text] of Object.entries(contents(made))) {
      await host.shell(`mkdir -p ${root}${path.replace(/\/[^/]*$/, "")} && cat >${root}${path}`, text);
    }
    const control = `Package: ${made.name}\nVersion: ${made.version}\nArchitecture: all\nMaintainer: a test\nDescription: made for a test\n${made.needs === undefined ? "" : `Depends: ${made.needs}\n`}`;
    await host.shell(`mkdir -p ${root}/DEBIAN && cat >${root}/DEBIAN/control`, control);
    await host.shell(`set -e
      chmod -R u=rwX,go=rX ${root}
      if [ -d ${root}/usr/bin ]; then chmod 0755 ${root}/usr/bin/*; fi
      mkdir -p ${folder} && dpkg-deb --build --root-owner-group ${root} ${folder} >/dev/null`);
  }
  await host.shell(`set -e; cd ${folder}; apt-ftparchive packages . >Packages; rm -f Release InRelease
    apt-ftparchive -o APT::FTPArchive::Release::Label=made release . >/run/made/Release; mv /run/made/Release Release`);
}

/** A signing key of the host's own making, and its fingerprint. */
export async function makeKey(host: BareHost): Promise<string> {
  return host.shell(`set -e; export GNUPGHOME=/run/made/gnupg; mkdir -p -m 0700 $GNUPGHOME
    gpg --batch --quiet --passphrase '' --quick-gen-key made@test default default never 2>/dev/null
    gpg --with-colons --list-keys made@test | awk -F: '$1 == "fpr" { print $10; exit }'`);
}
