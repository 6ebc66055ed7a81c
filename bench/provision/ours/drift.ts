import { readFileSync } from "node:fs";
import { runOverSsh } from "../../../cli/ssh";
import { judgeDrift } from "../../../plan/drift";
import { DRIFT_TEXT } from "../../../plan/render/loader";
import { architecture } from "../../../toolchain/places";
import { hostWork } from "../work";
import { readAccess } from "./access";

// The verb `drift` for the benchmark's host, as a process of its own: the plan is made, the host asked, the answer judged.
async function main(): Promise<void> {
  const access = readAccess();
  const { plan } = hostWork(access, architecture() ?? process.arch);
  const privateKey = readFileSync(access.privateKeyFile, "utf8");
  const { host, hostKey } = access;
  const answer = await runOverSsh({ host, port: 22, user: "root", hostKey, privateKey }, DRIFT_TEXT);
  const { state, differences } = judgeDrift(answer.stdout, plan);
  console.log(JSON.stringify({ state, differences }));
  if (answer.stderr !== "") console.error(answer.stderr);
  process.exitCode = state === "as deployed" && answer.code === 0 ? 0 : 1;
}

void main();
