import { Host, sshAddress } from "../../../components/host";
import { HostPhase } from "../../../components/host-phase";
import { ApiKeys } from "../../../components/keys";
import { architecture } from "../../../toolchain/places";
import { hostWork } from "../work";
import { readAccess } from "./access";

// The project's program without engine, models and proof: the same components, the same plan, the same order.
const { config, plan } = hostWork(readAccess(), architecture() ?? process.arch);

const keys = new ApiKeys("keys", plan.keys);
const host = new Host("host", {
  address: sshAddress(config.target),
  requirements: plan.requirements,
  owner: keys.owner,
});

const phases: HostPhase[] = [];
for (const payload of plan.payloads) {
  const steps = plan.steps.filter((step) => step.phase === payload.phase);
  phases.push(new HostPhase(payload.phase, { host, payload, steps, secrets: keys.values, after: phases }));
}
