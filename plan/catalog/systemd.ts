/** What an older systemd leaves out of our units: an unknown line is warned about in the journal, and the unit starts. */

/**
 * Lines of ours that systemd came to know after 239, the oldest that is met (Enterprise Linux 8), with the first version
 * that does: systemd.exec(5) and systemd.service(5), "Added in version". None is younger than 249, Ubuntu 22.04's.
 */
export const LINES_SINCE = {
  "Type=exec": 240,
  ProtectHostname: 242,
  RestrictSUIDSGID: 242,
  ProtectKernelLogs: 244,
  ProtectClock: 245,
  ProtectProc: 247,
  ProcSubset: 247,
} as const satisfies Readonly<Record<string, number>>;

/** The first version that knows all of them. */
export const WHOLE_HARDENING_SINCE = Math.max(...Object.values(LINES_SINCE));

/** `239 (239-82.el8)`, `252.39-1~deb12u1`: the number that counts; undefined where the host does not tell. */
export function systemdRelease(version: string | null): number | undefined {
  const number = /^\d+/.exec(version ?? "")?.[0];
  return number === undefined ? undefined : Number(number);
}

/** The lines that a host's systemd goes without; none where its version is not known. */
export function linesLeftOut(version: string | null): string[] {
  const release = systemdRelease(version);
  if (release === undefined) return [];
  return Object.entries(LINES_SINCE).flatMap(([line, since]) => (release < since ? [line] : []));
}
