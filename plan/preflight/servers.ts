import { SERVERS } from "../catalog/servers";
import type { Facts } from "../facts";
import { type NeededServer, SERVER_PATIENCE, type WayOut } from "../servers";
import { owns } from "./ownership";
import type { Refusal } from "./refusal";

/** Whether the host reaches what the plan has it fetch. */

/** Servers that the host does not reach and cannot do without, each by itself. */
export function judgeServers(facts: Facts, { servers, environment }: WayOut): Refusal[] {
  return servers.flatMap((server) => refusalOf(facts, server, environment["https_proxy"]));
}

function refusalOf(facts: Facts, { name, urls, optional, there }: NeededServer, proxy: string | undefined): Refusal[] {
  const isThere = there.length > 0 && there.every(({ kind, id }) => owns(facts, [kind], id));
  const fault = unreached(facts, urls);
  if (optional || isThere || fault === undefined) return [];
  const { what, instead } = SERVERS[name];
  const servers = urls.map((url) => new URL(url).host).join(" or ");
  const way =
    proxy === undefined ? "give the host a way there: a route, or network.proxy" : `see that ${proxy} lets it through`;
  return [
    {
      id: `out-of-reach-${new URL(urls[0]!).host}`,
      what: `The host does not reach ${servers}, from where it takes ${what}`,
      found: fault,
      needed: `an answer within ${SERVER_PATIENCE} s${proxy === undefined ? "" : ` through ${proxy}`}`,
      wayOut: `${way}; or have it from elsewhere: ${instead.replaceAll("`", "")}`,
    },
  ];
}

/** Why none of these URLs can be reached; undefined where one can, or where the host was not asked or cannot tell. */
function unreached(facts: Facts, urls: readonly string[]): string | undefined {
  const faults = urls.map((url) => {
    const answer = facts.servers?.find((candidate) => candidate.url === url);
    if (answer === undefined) return undefined;
    const { status, fault } = answer;
    if (status === null) return fault ?? "no answer";
    return status < 500 && status !== 407 ? undefined : `the answer is HTTP ${status}`;
  });
  return faults.includes(undefined) ? undefined : faults.join("; ");
}

/** Why the host cannot download the file at this URL by itself; undefined where it can. */
export function undownloadable(facts: Facts, url: string): string | undefined {
  const status = facts.servers?.find((answer) => answer.url === url)?.status;
  if (status === undefined) return "it has no curl yet to ask with";
  return unreached(facts, [url]) ?? (status !== null && status >= 400 ? `the answer is HTTP ${status}` : undefined);
}
