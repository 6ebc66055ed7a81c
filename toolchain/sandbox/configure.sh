#!/bin/sh
# Turns a minimal Debian into the sandbox: run once inside the image, as root. The folder of this script also holds
# apt-sources/ and apt-conf/ (the machine's own, possibly empty) and certificates/ (its additional CAs, possibly empty).
set -eu
here=$(dirname "$(readlink -f "$0")")
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

# What the machine itself needs in order to reach a package mirror, the sandbox needs too.
if [ -n "$(ls "$here/apt-sources")" ]; then
  rm -f /etc/apt/sources.list
  cp "$here"/apt-sources/* /etc/apt/sources.list.d/
fi
if [ -n "$(ls "$here/apt-conf")" ]; then cp "$here"/apt-conf/* /etc/apt/apt.conf.d/; fi
if [ -n "$(ls "$here/certificates")" ]; then
  cp "$here"/certificates/* /usr/local/share/ca-certificates/
  update-ca-certificates
fi

# The packages that a deployment installs wait in apt's own cache, so that installing them needs no network.
apt-get -q clean
apt-get -q -o Acquire::Languages=none update
xargs apt-get -q install -y --download-only --no-install-recommends <"$here/packages-ahead"
# Builds the binary index now instead of on every sandbox.
apt-cache gencaches

# Keys of an image would be keys of everybody: each sandbox gets its own, and sshd waits for it.
rm -f /etc/ssh/ssh_host_*
cat >/etc/ssh/sshd_config.d/sandbox.conf <<'SSHD'
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
SSHD
install -d -m 0755 /etc/systemd/system/ssh.service.d
cat >/etc/systemd/system/ssh.service.d/sandbox.conf <<'UNIT'
[Unit]
ConditionPathExists=/etc/ssh/ssh_host_ed25519_key
[Service]
# An uploaded key arrives readable by all, and sshd refuses such a key.
ExecStartPre=
ExecStartPre=/bin/chmod 0600 /etc/ssh/ssh_host_ed25519_key
ExecStartPre=/usr/sbin/sshd -t
UNIT
systemctl enable ssh.service
install -d -m 0700 /root/.ssh

# Of no use in a container, and timers would change the host behind a test's back.
systemctl mask \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer e2scrub_reap.service \
  console-getty.service getty.target getty-static.service systemd-firstboot.service systemd-pstore.service \
  systemd-remount-fs.service proc-sys-fs-binfmt_misc.automount sys-kernel-debug.mount sys-kernel-tracing.mount \
  sys-kernel-config.mount sys-fs-fuse-connections.mount dev-hugepages.mount
# On a host with cgroup v1 a container has no place for it: every login would leave a failed unit behind.
systemctl mask user@.service

install -d /etc/systemd/journald.conf.d
printf '[Journal]\nStorage=persistent\nSystemMaxUse=64M\n' >/etc/systemd/journald.conf.d/sandbox.conf

# Empty, not absent: each sandbox makes its own identity without counting as a first boot.
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id
rm -rf "$here" /var/log/apt /var/log/dpkg.log /var/log/bootstrap.log /var/log/alternatives.log
