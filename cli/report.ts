import { join } from "node:path";
import { packReport, reportEntries, reportName, type Report, type ReportEntry } from "../plan/report/archive";
import { redact } from "../plan/report/redact";
import { writePrivate } from "../toolchain/private-files";
import { confirm } from "./confirm";
import { Declined, EXIT, UsageError, type ExitCode } from "./failure";
import { collect, type Collection } from "./report-collection";

export interface ReportOptions {
  /** Default `reports/<stack>-<time>.tar.gz`. */
  readonly out?: string;
  /** Addresses and names of machines stay. */
  readonly withAddresses?: boolean;
  readonly yes?: boolean;
}

/**
 * Writes one archive with what a maintainer needs who cannot reach the host: lists what would be in it, and asks first.
 * Changes nothing on the host. What cannot be had is named in it and keeps nothing else from being there.
 */
export async function report(stack: string, { out, withAddresses = false, yes }: ReportOptions): Promise<ExitCode> {
  const again = `npm run report -- ${stack}`;
  if (!yes && !process.stdin.isTTY)
    throw new UsageError("nobody is here to look at the list and consent", `${again} --yes writes the report unasked`);
  const at = new Date().toISOString();
  const made = cleaned(stack, at, await collect(stack, (line) => console.error(line)), withAddresses);
  const entries = reportEntries(made);
  const path = out ?? join("reports", `${reportName(stack, at)}.tar.gz`);
  console.log(listing(made, entries));
  if (!yes && !(await confirm(`Write this to ${path}?`)))
    throw new Declined("Nothing was written: the question was not answered with yes.", `${again} asks again`);
  write(path, packReport(made, entries));
  console.log(
    [
      `Written: ${path}, for its owner alone. Nothing was sent anywhere; look inside before you do:`,
      `  tar tzf ${path}`,
      `  tar xzf ${path} --to-stdout | less`,
    ].join("\n"),
  );
  return EXIT.good;
}

/** What the files may not say, the reasons for what is missing may not either. */
function cleaned(stack: string, at: string, collection: Collection, withAddresses: boolean): Report {
  const reasons = Object.fromEntries(
    Object.entries(collection.missing).map(([path, why]) => [`${REASON}${path}`, why] as const),
  );
  const { files, counts } = redact({ ...collection.files, ...reasons }, collection.known, { withAddresses });
  const all = Object.entries(files);
  return {
    ...{ stack, at, withAddresses, redacted: counts, cut: collection.cut },
    files: Object.fromEntries(all.filter(([path]) => !path.startsWith(REASON))),
    missing: Object.fromEntries(
      all.flatMap(([path, why]) => (path.startsWith(REASON) ? [[path.slice(REASON.length), why]] : [])),
    ),
  };
}

const REASON = "missing:";

function listing({ stack, files, missing, cut, redacted, withAddresses }: Report, entries: readonly ReportEntry[]) {
  const { secrets, prompts, addresses, names } = redacted;
  const size = entries.reduce((sum, { data }) => sum + data.length, 0);
  const absent = Object.entries(missing);
  return [
    `Report on ${stack}: ${entries.length} files, ${kibibytes(size)} before they are packed.`,
    ...entries.map(
      ({ path, data }) =>
        `  ${kibibytes(data.length).padStart(11)}  ${path}${cut.includes(path) ? " (its end alone)" : ""}`,
    ),
    ...(absent.length === 0 ? [] : ["Not in it:", ...absent.map(([path, why]) => `  ${path}: ${firstLine(why)}`)]),
    `Taken out: ${places(secrets)} with keys or other secrets, ${places(prompts)} with prompts or answers.`,
    withAddresses
      ? `Addresses and names of machines are in it (--with-addresses). Replaced, each by the same word everywhere: names of people, ${names}.`
      : `Replaced, each by the same word everywhere: addresses, ${addresses}; names of machines and people, ${names}.`,
    ...(files[`stack/Pulumi.${stack}.yaml`] === undefined
      ? []
      : [`What Pulumi.${stack}.yaml names itself is left as it is: its addresses, names, models and clients.`]),
  ].join("\n");
}

const kibibytes = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`;
const places = (count: number) => `${count} place${count === 1 ? "" : "s"}`;
const firstLine = (text: string) => text.split("\n").find((line) => line.trim() !== "") ?? text;

/** @throws UsageError where nothing can be written there */
function write(path: string, archive: Uint8Array): void {
  try {
    writePrivate(path, archive);
  } catch (error) {
    const { code = "?" } = error as NodeJS.ErrnoException;
    throw new UsageError(`the report cannot be written to ${path} (${code})`, "name another file with --out FILE");
  }
}
