import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { KEY_SHAPE } from "../plan/keys";
import type { SecretReference } from "../plan/step";

/** API keys by secret name; a new generation is a new key. In Pulumi's state they are secrets. */
export class ApiKeys extends pulumi.ComponentResource {
  readonly values: Readonly<Record<string, pulumi.Output<string>>>;
  /** Client name → its newest key. */
  readonly byClient: pulumi.Output<Record<string, string>>;
  /** Names this deployment on the hosts it owns; not a secret. */
  readonly owner: pulumi.Output<string>;

  constructor(name: string, references: readonly SecretReference[], options?: pulumi.ComponentResourceOptions) {
    super("tms-llm:keys:ApiKeys", name, {}, options);
    this.values = Object.fromEntries(references.map((reference) => [reference.name, this.createKey(reference)]));
    this.byClient = pulumi.secret(pulumi.all(newestKeys(references, this.values)));
    this.owner = new random.RandomString(
      "deployment",
      { length: 12, special: false, upper: false },
      { parent: this },
    ).result;
    this.registerOutputs();
  }

  private createKey({ name, generation }: SecretReference): pulumi.Output<string> {
    const key = new random.RandomPassword(
      name.replaceAll("/", "-"),
      { ...KEY_SHAPE, keepers: { generation: String(generation) } },
      { parent: this },
    );
    return key.result;
  }
}

/** Of a client's keys the one with the highest generation: the one to hand out. */
function newestKeys(
  references: readonly SecretReference[],
  values: ApiKeys["values"],
): Record<string, pulumi.Output<string>> {
  const clients = references.filter(({ name }) => name.startsWith("client/"));
  const ascending = clients.toSorted((left, right) => left.generation - right.generation);
  return Object.fromEntries(ascending.map(({ name }) => [name.split("/")[1]!, values[name]!]));
}
