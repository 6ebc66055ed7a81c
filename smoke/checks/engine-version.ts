import { fail, inconclusive, judge, type Check } from "../check";
import { lookIntoHost } from "../host";
import { parseObject } from "../openai";

/** The engine that runs is the one of the stack file, asked on the host, since the gateway does not tell. */
export const engineVersion: Check = {
  id: "engine-version",
  title: "The engine is the deployed version",
  demand: ({ engine }) => `version ${engine?.version ?? "unknown"}`,
  async run({ target: { access, engine } }) {
    if (!access) return inconclusive("not measured: no host access");
    if (!engine) return inconclusive("not measured: the version is not known here");
    const { stdout, stderr } = await lookIntoHost(access, [...engine.question]);
    const found = parseObject(stdout)?.["version"];
    if (typeof found !== "string")
      return fail("the engine tells no version", { stdout: stdout.slice(0, 200), stderr: stderr.slice(0, 200) });
    return judge(found === engine.version ? [] : [`version ${found}`], found);
  },
};
