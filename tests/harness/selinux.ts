import type { BareHost } from "./bare-host";

/** Real semanage on Debian's policy; the kernel that enforces it is a fake. */

/** Where a kernel with SELinux would answer. The boolean's value is the kept one; files have the labels of their folders. */
const FAKES = {
  getenforce: "cat /run/enforcing",
  getsebool: `if grep -qx "$1=1" /var/lib/selinux/default/active/booleans.local; then echo "$1 --> on"; else echo "$1 --> off"; fi`,
  // A file is labelled until another one takes its place.
  restorecon: `for path; do
    case $path in -*) continue ;; esac
    find "$path" -type f | while read -r file; do
      mark=/run/labels/$(stat -c %i-%Z "$file")
      if [ ! -e "$mark" ]; then
        case " $* " in *" -n "*) echo "Would relabel $file" ;; *) mkdir -p /run/labels; touch "$mark" ;; esac
      fi
    done
  done`,
};

const PREPARE = `set -e
  export DEBIAN_FRONTEND=noninteractive
  for attempt in 1 2; do
    apt-get -qq install --no-install-recommends policycoreutils policycoreutils-python-utils selinux-policy-default >/run/packages.log 2>&1 && break
    apt-get -qq update
  done
  # In memory, since semanage waits for the disk at every change.
  for folder in /var/lib/selinux /etc/selinux; do
    mkdir -p /run/memory$folder && cp -a $folder/. /run/memory$folder && mount --bind /run/memory$folder $folder
  done`;

export async function enforceSelinux(host: BareHost): Promise<void> {
  await host.shell(PREPARE);
  for (const [name, script] of Object.entries(FAKES))
    await host.shell(`cat >/usr/local/sbin/${name}; chmod +x /usr/local/sbin/${name}`, `#!/bin/sh\n${script}\n`);
  await host.shell("echo Enforcing >/run/enforcing");
}

/** What was added to the policy on this host. @param file `booleans.local`, `ports.local` or `file_contexts.local` */
export const keptBySelinux = (host: BareHost, file: string) =>
  host.shell(`grep -v -e '^#' -e '^$' /var/lib/selinux/default/active/${file} | tr -s ' ' || true`);

/**
 * RHEL's domain of services, which Debian's policy does not know: there they run as initrc_t. A stand-in of the name alone.
 */
export async function haveServiceDomain(host: BareHost): Promise<void> {
  await host.shell(
    "cat >/run/unconfined_service.cil && semodule --install /run/unconfined_service.cil 2>/run/semodule.log",
    "(type unconfined_service_t)\n(roletype system_r unconfined_service_t)\n(typeattributeset domain (unconfined_service_t))\n",
  );
}

/** The policy's rules by which nginx may connect to Unix sockets of a domain's processes; needs the package setools. */
export const mayConnect = (host: BareHost, domain: string) =>
  host.shell(
    `sesearch --allow --source httpd_t --target ${domain} --class unix_stream_socket --perm connectto /etc/selinux/default/policy/policy.*`,
  );
