import { fail, inconclusive, judge, type Check } from "../check";
import { lookIntoHost } from "../host";

/** Enough of a digest for people to tell two apart. */
const SHOWN = 12;

/** What is on the host is what was deployed. */
export const digest: Check = {
  id: "digest",
  title: "The host is as deployed",
  demand: ({ digest: wanted }) => `digest ${wanted?.slice(0, SHOWN) ?? "unknown"}`,
  async run({ target: { access, digest: wanted } }) {
    if (!access) return inconclusive("not measured: no host access");
    if (wanted === undefined) return inconclusive("not measured: the digest is not known here");
    const read = await lookIntoHost(access, ["cat", "/var/lib/tms-llm/digest"]);
    if (read.exitCode !== 0) return fail("the host shows no digest", { stderr: read.stderr.slice(0, 200) });
    const found = read.stdout.trim();
    return judge(found === wanted ? [] : [`digest ${found.slice(0, SHOWN)}`], found.slice(0, SHOWN), { found, wanted });
  },
};
