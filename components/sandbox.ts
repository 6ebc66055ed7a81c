import { readFileSync } from "node:fs";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { StackConfig } from "../plan/config/schema";
import type { Mount } from "../plan/sandbox";
import { publishedPorts, SANDBOX_CONTAINER, type SandboxSettings } from "../plan/sandbox";
import type { HostAddress } from "./host";

/** A disposable systemd host with sshd in a container; nothing of ours is on it yet. */
export class Sandbox extends pulumi.ComponentResource {
  readonly address: HostAddress;
  readonly container: docker.Container;
  readonly network: docker.Network;

  constructor(
    name: string,
    config: StackConfig,
    settings: SandboxSettings,
    mounts: readonly Mount[],
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("tms-llm:sandbox:Sandbox", name, {}, options);
    this.network = this.createNetwork(name, settings);
    this.container = this.createContainer(name, config, settings, mounts);
    this.address = {
      host: "127.0.0.1",
      port: settings.sshPort,
      user: "root",
      hostKey: settings.hostPublicKey,
      privateKey: pulumi.secret(readFileSync(settings.sshPrivateKeyFile, "utf8")),
      identity: this.container.id.apply((id) => id.slice(0, 12)),
    };
    this.registerOutputs();
  }

  private createNetwork(name: string, settings: SandboxSettings): docker.Network {
    return new docker.Network(
      `${name}-network`,
      {
        name: `tms-llm-${settings.id}`,
        driver: "bridge",
        ipv6: true,
        ipamConfigs: [
          { subnet: settings.subnet4, gateway: settings.gateway4 },
          { subnet: settings.subnet6, gateway: settings.gateway6 },
        ],
        labels: [{ label: "tms-llm.sandbox", value: settings.id }],
      },
      { parent: this },
    );
  }

  private createContainer(
    name: string,
    config: StackConfig,
    settings: SandboxSettings,
    mounts: readonly Mount[],
  ): docker.Container {
    const memory = config.target.kind === "sandbox" ? config.target.memory : 0;
    return new docker.Container(
      `${name}-host`,
      {
        name: `tms-llm-${settings.id}`,
        image: settings.image,
        command: [...SANDBOX_CONTAINER.command],
        hostname: "tms-llm-sandbox",
        capabilities: { adds: [...SANDBOX_CONTAINER.capabilities] },
        securityOpts: [...SANDBOX_CONTAINER.securityOptions],
        cgroupnsMode: "private",
        tmpfs: Object.fromEntries(SANDBOX_CONTAINER.tmpfs.map((path) => [path, ""])),
        ...(mounts.length > 0 ? { mounts: mounts.map((mount) => ({ ...mount, type: "bind", readOnly: true })) } : {}),
        memory: Math.round(memory / 2 ** 20),
        restart: "unless-stopped",
        ports: publishedPorts(settings, config.gateway.port),
        networksAdvanced: [{ name: this.network.name, ipv4Address: settings.address4, ipv6Address: settings.address6 }],
        uploads: [
          {
            file: "/etc/ssh/ssh_host_ed25519_key",
            content: pulumi.secret(readFileSync(settings.hostPrivateKeyFile, "utf8")),
            permissions: "0600",
          },
          { file: "/root/.ssh/authorized_keys", content: `${settings.sshPublicKey}\n`, permissions: "0600" },
        ],
        labels: [{ label: "tms-llm.sandbox", value: settings.id }],
      },
      { parent: this, deleteBeforeReplace: true },
    );
  }
}
