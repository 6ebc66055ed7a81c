import type { BareHost } from "./bare-host";

/** Installs Debian's packages on a test host; the index is refreshed where it has to be. */
export async function installPackages(host: BareHost, names: string): Promise<void> {
  await host.shell(`export DEBIAN_FRONTEND=noninteractive
    install() { apt-get -qq install --no-install-recommends ${names}; }
    { install || { apt-get -qq update && install; }; } >/run/packages.log 2>&1 || { cat /run/packages.log; exit 1; }`);
}
