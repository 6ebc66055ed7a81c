import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PROJECT } from "../../toolchain/places";
import type { BareHost } from "./bare-host";

/** The stand-in, as the host reaches it: what `mirrors.ollamaLibrary` and `mirrors.huggingFace` name. */
export const REGISTRY = "registry.internal:8445";

const MODEL = "application/vnd.ollama.image.model";
const CONFIG = "application/vnd.docker.container.image.v1+json";

const sha256 = (content: string | Buffer) => createHash("sha256").update(content).digest("hex");

const part = (mediaType: string, content: Buffer) => ({
  mediaType,
  digest: `sha256:${sha256(content)}`,
  size: content.length,
});

/** A stand-in of Ollama's registry on a host, which trusts it. What is in it is fetched by the real Ollama. */
export class RegistryStandIn {
  private constructor(private readonly host: BareHost) {}

  /** Before Ollama starts, which reads the host's authorities once. */
  static async start(host: BareHost): Promise<RegistryStandIn> {
    await host.copy(join(PROJECT, "tests/fixtures/ollama/registry.py"), "/srv/registry.py");
    await host.shell(`set -e
      mkdir -p /srv/registry/blobs
      echo 127.0.0.1 registry.internal storage.internal >>/etc/hosts
      openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=registry.internal -addext subjectAltName=DNS:registry.internal,DNS:storage.internal \\
        -keyout /srv/registry-key.pem -out /srv/registry-certificate.pem 2>/dev/null
      cat /srv/registry-certificate.pem /srv/registry-key.pem >/srv/registry.pem
      cp /srv/registry-certificate.pem /usr/local/share/ca-certificates/registry.crt
      update-ca-certificates >/dev/null 2>&1`);
    const registry = new RegistryStandIn(host);
    await registry.up();
    return registry;
  }

  async up(): Promise<void> {
    await this.host.shell(`set -e
      systemd-run --quiet --collect --unit=registry-stand-in python3 /srv/registry.py /srv/registry /srv/registry.pem 8445
      until curl --silent --output /dev/null https://${REGISTRY}/; do sleep 0.1; done
      rm -f /srv/registry/log`);
  }

  async down(): Promise<void> {
    await this.host.shell("systemctl stop registry-stand-in");
  }

  /** A model made of a GGUF file of this machine. @param claimed bytes that its manifest says, of weights that are not there */
  async publish(name: string, file: string, claimed?: number): Promise<void> {
    const weights = readFileSync(file);
    const config = JSON.stringify({ model_format: "gguf", model_family: "llama", architecture: "amd64", os: "linux" });
    const nowhere = { mediaType: MODEL, digest: `sha256:${"0".repeat(64)}`, size: claimed };
    const manifest = {
      schemaVersion: 2,
      mediaType: "application/vnd.docker.distribution.manifest.v2+json",
      config: part(CONFIG, Buffer.from(config)),
      layers: [claimed === undefined ? part(MODEL, weights) : nowhere],
    };
    const path = `/srv/registry/manifests/${name.replace(":", "/")}`;
    await this.host.copy(file, `/srv/registry/blobs/${sha256(weights)}`);
    await this.host.shell(`cat >/srv/registry/blobs/${sha256(config)}`, config);
    await this.host.shell(`mkdir -p ${dirname(path)} && cat >${path}`, JSON.stringify(manifest, null, 2));
  }

  /** What it was asked for since the last time. */
  async requests(): Promise<string[]> {
    const lines = await this.host.shell("cat /srv/registry/log 2>/dev/null; rm -f /srv/registry/log");
    return lines.split("\n").filter((line) => line !== "");
  }
}
