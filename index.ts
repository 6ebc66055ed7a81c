import * as pulumi from "@pulumi/pulumi";
import { Host, sshAddress } from "./components/host";
import { HostPhase, phaseResult } from "./components/host-phase";
import { ApiKeys } from "./components/keys";
import { load } from "./components/load";
import { Sandbox } from "./components/sandbox";
import { SmokeTest } from "./components/smoke-test";
import { applicationEnvironment } from "./plan/application";

const { config, context, plan: desired, given, deliveries } = load();

const sandbox = context.sandbox && new Sandbox("sandbox", config, context.sandbox, desired.mounts);
const address = sandbox?.address ?? sshAddress(config.target);
const keys = new ApiKeys("keys", desired.keys);
const host = new Host("host", {
  address,
  requirements: desired.requirements,
  owner: keys.owner,
  deliveries,
  deletedWith: sandbox?.container,
});

const phases: HostPhase[] = [];
for (const payload of desired.payloads) {
  const steps = desired.steps.filter((step) => step.phase === payload.phase);
  phases.push(
    new HostPhase(payload.phase, { host, payload, steps, secrets: { ...keys.values, ...given }, after: phases }),
  );
}

export const endpoint = desired.endpoint;
export const openaiBaseUrl = `${desired.endpoint}/v1`;
export const model = config.models[0]!.name;
export const apiKeys = keys.byClient;
/** Client → the env file of its application. */
export const applicationEnv = keys.byClient.apply((byClient) =>
  Object.fromEntries(
    Object.entries(byClient).map(([client, key]) => [
      client,
      applicationEnvironment(desired.applications[client]!, key),
    ]),
  ),
);
/** Certificate of the private CA, when the gateway has one. */
export const caCertificate = pulumi
  .all(phases.map(({ report }) => report))
  .apply((reports) => phaseResult(reports, "ca"));
export const ssh = { host: address.host, port: address.port, user: address.user, hostKey: address.hostKey };
export const facts = host.facts;
/** Step → what stands on the host when it is done. */
export const plan = Object.fromEntries(desired.steps.map(({ name, phase, title }) => [name, `${phase}: ${title}`]));
export const digest = desired.digest;

const proof = new SmokeTest("smoke", {
  config,
  context,
  plan: desired,
  keys: keys.byClient,
  caCertificate,
  after: phases,
});
export const smoke = proof.report;
