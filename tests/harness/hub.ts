import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { TRANSFORMERS_VERSIONS } from "../../plan/catalog/transformers";
import { makeOnce } from "../../toolchain/once";
import { cacheFolder, PROJECT } from "../../toolchain/places";
import { downloadWheels } from "../../toolchain/python-packages";
import { tinyModelFolder } from "../../toolchain/tiny-model-folder";
import type { BareHost } from "./bare-host";

/** The real client of Hugging Face's, as the engines' lock files pin it, and a stand-in of the Hub on the host itself. */

/** What `huggingface_hub` imports. */
const PACKAGES = [
  "anyio",
  "click",
  "filelock",
  "fsspec",
  "h11",
  "hf-xet",
  "httpcore2",
  "httpx2",
  "huggingface-hub",
  "idna",
  "packaging",
  "pyyaml",
  "tqdm",
  "truststore",
  "typing-extensions",
];

/** The commit that every repository of the stand-in is at. */
export const COMMIT = "0123456789".repeat(4);

/** The stand-in, as the host reaches it. */
export const HUB = "hf.internal:8443";

/** Folder of the client's wheels on this machine, 6 MB, from the package index. */
async function clientWheels(): Promise<string> {
  const lock = readFileSync(join(PROJECT, `templates/transformers/${TRANSFORMERS_VERSIONS[0]!}-cpu.txt`), "utf8");
  const lines = lock.split("\n").filter((line) => PACKAGES.includes(line.split("==")[0]!));
  const requirements = `${lines.join("\n")}\n`;
  const digest = createHash("sha256").update(requirements).digest("hex").slice(0, 12);
  const folder = join(cacheFolder(), "instruments", `huggingface-client-${digest}`);
  await makeOnce(
    folder,
    (place) => downloadWheels("The client of Hugging Face", requirements, place),
    () => console.log("waiting for another download of the client"),
  );
  return join(folder, "wheels");
}

/** Puts the client where a release of an engine has it: an environment at `release`. */
export async function installClient(host: BareHost, release: string): Promise<void> {
  const wheels = await clientWheels();
  await host.shell("mkdir -p /srv/wheels");
  for (const wheel of readdirSync(wheels)) await host.copy(join(wheels, wheel), `/srv/wheels/${wheel}`);
  await host.shell(`set -e
    python3 -m venv --without-pip ${release}
    for wheel in /srv/wheels/*.whl; do python3 -m zipfile -e $wheel ${release}/lib/python3.*/site-packages; done`);
}

const BEHAVIOURS = ["gated", "altered", "stuck"] as const;

/** The stand-in on a host; its certificate is trusted there only once {@link trust} was called. */
export class HubStandIn {
  private constructor(private readonly host: BareHost) {}

  static async start(host: BareHost): Promise<HubStandIn> {
    await host.copy(join(PROJECT, "tests/fixtures/huggingface/hub.py"), "/srv/hub.py");
    await host.shell(`set -e
      mkdir -p /srv/hub
      echo 127.0.0.1 hf.internal >>/etc/hosts
      openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=hf.internal -addext subjectAltName=DNS:hf.internal \\
        -keyout /srv/hub-key.pem -out /srv/hub-certificate.pem 2>/dev/null
      cat /srv/hub-certificate.pem /srv/hub-key.pem >/srv/hub.pem`);
    const hub = new HubStandIn(host);
    await hub.up();
    return hub;
  }

  async up(): Promise<void> {
    await this.host.shell(`set -e
      systemd-run --quiet --collect --unit=hub-stand-in python3 /srv/hub.py /srv/hub /srv/hub.pem
      until curl --silent --insecure --output /dev/null https://hf.internal:8443/ && curl --silent --insecure --output /dev/null https://hf.internal:8444/; do sleep 0.1; done
      rm -f /srv/hub/log`);
  }

  async down(): Promise<void> {
    await this.host.shell("systemctl stop hub-stand-in");
  }

  async trust(): Promise<void> {
    await this.host.shell(
      "cp /srv/hub-certificate.pem /usr/local/share/ca-certificates/hub.crt && update-ca-certificates 2>/dev/null",
    );
  }

  /** A repository with the tiny model's files; `more` are further ones, `without` is left out. */
  async publish(repository: string, more: Readonly<Record<string, string>> = {}, without = /^$/): Promise<void> {
    const folder = `/srv/hub/${repository}`;
    for (const [name, content] of Object.entries({ ...tinyModelFolder(), ...more })) {
      if (without.test(name)) continue;
      const base64 = Buffer.from(content).toString("base64");
      await this.host.shell(`mkdir -p $(dirname ${folder}/${name}) && base64 -d >${folder}/${name}`, base64);
    }
  }

  /** How it answers from now on. */
  async behave(...wanted: (typeof BEHAVIOURS)[number][]): Promise<void> {
    for (const behaviour of BEHAVIOURS)
      await this.host.shell(`${wanted.includes(behaviour) ? "touch" : "rm -f"} /srv/hub/${behaviour}`);
  }

  /** What it was asked for since the last time. */
  async requests(): Promise<string[]> {
    const lines = await this.host.shell("cat /srv/hub/log 2>/dev/null; rm -f /srv/hub/log");
    return lines.split("\n").filter((line) => line !== "");
  }
}
