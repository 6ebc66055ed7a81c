import { templateText } from "./template-files";

const PARTS = ["json", "machine", "occupants", "report"] as const;

/** What measures a host: one script for bash's standard input, of several files. */
export const preflightScript = (): string => PARTS.map((part) => templateText(`preflight/${part}.sh`)).join("\n");
