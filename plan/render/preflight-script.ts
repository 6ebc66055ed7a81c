import { SERVER_PATIENCE, type WayOut } from "../servers";
import { shellQuoted } from "./payload";
import { templateText } from "./template-files";

const PARTS = ["json", "machine", "occupants", "servers", "report"] as const;

/**
 * What measures a host: one script for bash's standard input, of several files.
 * @param wayOut the servers that the host is to ask, and by which way; default none
 */
export const preflightScript = (wayOut?: WayOut): string =>
  [...(wayOut ? questions(wayOut) : []), ...PARTS.map((part) => templateText(`preflight/${part}.sh`))].join("\n");

function questions({ servers, environment, names }: WayOut): string[] {
  const rows = servers.flatMap(({ urls, unless = "" }) => urls.map((url) => `${url}\t${unless}`));
  const asked = new Set(servers.flatMap(({ urls }) => urls));
  // A name that the host is going to be told is not in its /etc/hosts yet.
  const resolve = [...asked].flatMap((url) => {
    const { hostname, protocol, port } = new URL(url);
    const address = names[hostname];
    const usual = protocol === "http:" ? "80" : "443";
    return address === undefined ? [] : ["--resolve", `${hostname}:${port || usual}:${address}`];
  });
  return [
    ...Object.entries(environment).map(([name, value]) => `export ${name}=${shellQuoted(value)}`),
    `patience=${SERVER_PATIENCE}`,
    `asked=${shellQuoted([...new Set(rows)].join("\n"))}`,
    `resolve=(${resolve.map(shellQuoted).join(" ")})`,
  ];
}
