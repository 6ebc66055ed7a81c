import { z } from "zod";

/** The report of `templates/preflight/`, raw: its schema, and how it is found in what a host prints. */

export const REPORT_SCHEMA = "tms-llm/preflight/1";

const text = z.string().nullable();
const count = z.number().nonnegative().nullable();

const reportSchema = z.strictObject({
  schema: z.literal(REPORT_SCHEMA),
  os: z.strictObject({ id: text, like: text, version: text, pretty: text }),
  kernel: z.string(),
  kernelHeaders: z.boolean(),
  machine: z.string(),
  libc: text,
  virtualization: text,
  time: z.number().int(),
  effectiveUid: z.number().int(),
  sudoUser: text,
  packageManagers: z.array(z.enum(["apt-get", "dnf", "yum", "zypper"])),
  ipv6: z.boolean(),
  selinuxEnforce: text,
  pythons: z.array(text),
  /** Absent in reports of earlier releases. */
  pythonsWithHeaders: z.array(text).optional(),
  cpu: z.strictObject({ count: z.number().int().min(1), model: text }),
  memory: z.strictObject({
    totalBytes: z.number().int(),
    availableBytes: count,
    swapTotalBytes: count,
    swapFreeBytes: count,
    controlGroups: z.array(z.strictObject({ limitBytes: z.number(), usedBytes: z.number() })),
  }),
  disks: z
    .array(z.strictObject({ mount: z.string(), sizeBytes: z.number().int(), freeBytes: z.number().int() }))
    .min(1),
  gpu: z.strictObject({
    nvidiaSmi: z.strictObject({ exitCode: z.number().int(), output: text }),
    // The next three are absent in what earlier releases recorded.
    memoryReserved: text.default(null),
    instances: z.strictObject({ list: text, memory: text }).nullable().default(null),
    dxg: z.boolean().default(false),
    pciDevices: z.array(z.strictObject({ address: z.string(), device: text })),
    processes: z.array(z.strictObject({ gpu: z.string(), name: text, usedMebibytes: count, unit: text })),
    driverText: text,
    installedDriver: text,
    nouveauLoaded: z.boolean(),
  }),
  // Absent in reports of former releases.
  fabric: z
    .strictObject({ switches: z.number().int(), states: text, managerVersion: text, managerActive: text })
    .optional(),
  secureBoot: z.strictObject({ efi: z.boolean(), variable: count }),
  docker: z.strictObject({ path: text, version: text }),
  ports: z.array(z.strictObject({ address: z.string(), port: z.number().int(), process: text, unit: text })).nullable(),
  firewall: z.strictObject({ ufw: text, ufwIpv6: text, nftRules: count }),
  systemd: z.strictObject({ running: z.boolean(), version: text, state: text }),
  services: z.array(z.strictObject({ name: z.string(), active: text, enabled: text, path: text })),
  nginx: z.strictObject({
    path: text,
    sites: z.array(z.strictObject({ path: z.string(), target: text, serverNames: text, listens: z.array(z.string()) })),
  }),
  tmsUser: z
    .strictObject({ name: z.string(), uid: z.number().int(), gid: z.number().int(), home: text, shell: text })
    .nullable(),
  ours: z
    .strictObject({
      digest: text,
      used: z.array(z.strictObject({ path: z.string(), bytes: z.number().int() })),
      /** Folders of engines' releases that are whole. */
      releases: z.array(z.string()).optional(),
      ledger: z.array(z.strictObject({ kind: z.string(), id: z.string() })),
    })
    .nullable(),
  /** Only where servers were asked, and the host has curl to ask them with. */
  servers: z.array(z.strictObject({ url: z.string(), status: count, fault: text })).optional(),
});

/** The report as the host sends it; text stays as the host says it, null is "cannot be told". */
export type PreflightReport = z.output<typeof reportSchema>;

/** A host answered something else than a preflight report. The message is ready for a terminal. */
export class UnreadableReport extends Error {
  override readonly name = "UnreadableReport";

  constructor(found: string) {
    super(
      [
        "The host's preflight did not answer with a report. Nothing was changed on it.",
        `  found:   ${found}`,
        "  needed:  one JSON object from bash 4.2 or newer",
        "  way out: log in to the host as the same user and run `sudo -n bash --version`; correct what it says, then run up again",
      ].join("\n"),
    );
  }
}

/** Finds the report in what a host printed; lines before it, as a login script may print, are skipped. Throws UnreadableReport. */
export function readReport(printed: string): PreflightReport {
  const lines = printed.split("\n").filter((line) => line.trim() !== "");
  const line = lines.findLast((candidate) => candidate.startsWith('{"schema":"tms-llm/preflight/'));
  if (line === undefined) {
    throw new UnreadableReport(lines.length === 0 ? "no output" : JSON.stringify(lines.at(-1)?.slice(0, 120)));
  }
  return checkReport(parseJson(line));
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new UnreadableReport(`a report that breaks off after ${line.length} characters`);
  }
}

/** A parsed report, held against the schema. Throws UnreadableReport. */
export function checkReport(report: unknown): PreflightReport {
  const { data, error } = reportSchema.safeParse(report);
  if (error) {
    throw new UnreadableReport(error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "));
  }
  return data;
}
