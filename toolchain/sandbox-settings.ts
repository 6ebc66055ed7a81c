import { randomBytes, randomInt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sandboxSettingsSchema, type SandboxSettings } from "../plan/sandbox";
import { askDocker, type Docker } from "./docker";
import { ToolchainError } from "./failure";
import { PRIVATE } from "./places";
import { writePrivate } from "./private-files";
import { sandboxImageTag } from "./sandbox-image";
import { newSshKeyPair } from "./ssh-key";
import {
  addressesIn,
  freePorts,
  freeSubnet4,
  interfaceNetworks,
  overlap,
  parseRoutes,
  portIsFree,
  randomSubnet6,
  type SandboxAddresses,
} from "./sandbox-network";

/** Chosen once per clone and stack and then kept, so that a second `up` finds the same sandbox. */
export type { SandboxSettings };

const LOGIN_KEY = "id_ed25519";
const HOST_KEY = "ssh_host_ed25519_key";

/** File that holds the settings of a stack's sandbox. */
export function sandboxSettingsFile(stack: string, folder = PRIVATE): string {
  return join(folder, stack, "sandbox.json");
}

/** The kept settings, or undefined before the first `up`. @throws ToolchainError when the file is damaged */
export function readSandboxSettings(stack: string, folder = PRIVATE): SandboxSettings | undefined {
  const path = sandboxSettingsFile(stack, folder);
  if (!existsSync(path)) return undefined;
  const damaged = (why: string) =>
    new ToolchainError(
      `The sandbox settings of stack ${stack} cannot be read (${path}).`,
      why,
      `Remove the sandbox (\`npm run destroy -- ${stack}\`), delete the file, and run the command again.`,
    );
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw damaged((error as Error).message);
  }
  const parsed = sandboxSettingsSchema.safeParse(content);
  if (!parsed.success)
    throw damaged(parsed.error.issues.map(({ path: at, message }) => `${at.join(".")}: ${message}`).join("; "));
  return parsed.data;
}

/**
 * The settings of a stack's sandbox: chosen at the first call and kept. While the sandbox does not exist, ports and networks
 * that somebody else has taken since are chosen anew; the image tag follows the recipe.
 * @param folder where this clone keeps what is its own; keys and settings lie in `<folder>/<stack>/`, mode 0600
 */
export async function ensureSandboxSettings(stack: string, docker: Docker, folder = PRIVATE): Promise<SandboxSettings> {
  const file = sandboxSettingsFile(stack, folder);
  const kept = readSandboxSettings(stack, folder);
  if (kept === undefined) return save(file, await choose(dirname(file), docker));
  const networks = subnets(await dockerNetworks(docker));
  // The sandbox's network is the first thing that is made and the last that goes.
  const exists = networks.includes(kept.subnet4);
  const current = {
    ...kept,
    image: sandboxImageTag(),
    // The clone may have been moved.
    sshPrivateKeyFile: join(dirname(file), LOGIN_KEY),
    hostPrivateKeyFile: join(dirname(file), HOST_KEY),
    ...(!exists && (await replacements(kept, networks))),
  };
  return JSON.stringify(current) === JSON.stringify(kept) ? kept : save(file, current);
}

async function replacements(kept: SandboxSettings, networks: readonly string[]): Promise<Partial<SandboxSettings>> {
  const portsFree = (await portIsFree(kept.sshPort)) && (await portIsFree(kept.gatewayPort));
  const subnetFree = !takenNetworks(networks).some((network) => overlap(network, kept.subnet4));
  return { ...(!portsFree && (await chooseServicePorts())), ...(!subnetFree && chooseAddresses(networks)) };
}

function save(file: string, settings: SandboxSettings): SandboxSettings {
  writePrivate(file, `${JSON.stringify(settings, undefined, 2)}\n`);
  return settings;
}

interface DockerNetwork {
  readonly IPAM?: { readonly Config?: readonly { readonly Subnet?: string }[] | null };
}

async function dockerNetworks(docker: Docker): Promise<readonly DockerNetwork[]> {
  return (await askDocker(docker.host, "/networks")).body as readonly DockerNetwork[];
}

function subnets(networks: readonly DockerNetwork[]): string[] {
  return networks.flatMap(({ IPAM }) => IPAM?.Config ?? []).flatMap(({ Subnet }) => Subnet ?? []);
}

function takenNetworks(ofDocker: readonly string[]): string[] {
  const routes = existsSync("/proc/net/route") ? parseRoutes(readFileSync("/proc/net/route", "utf8")) : [];
  return [...routes, ...interfaceNetworks(), ...ofDocker.filter((network) => !network.includes(":"))];
}

function chooseAddresses(networks: readonly string[]): SandboxAddresses {
  return addressesIn(freeSubnet4(takenNetworks(networks), randomInt(65_536)), randomSubnet6());
}

async function chooseServicePorts(): Promise<{ sshPort: number; gatewayPort: number }> {
  const [sshPort, gatewayPort] = await freePorts(2);
  return { sshPort: sshPort!, gatewayPort: gatewayPort! };
}

async function choose(folder: string, docker: Docker): Promise<SandboxSettings> {
  const login = generateKey(folder, LOGIN_KEY);
  const host = generateKey(folder, HOST_KEY);
  return {
    id: randomBytes(4).toString("hex"),
    image: sandboxImageTag(),
    ...(await chooseServicePorts()),
    ...chooseAddresses(subnets(await dockerNetworks(docker))),
    sshPrivateKeyFile: login.file,
    sshPublicKey: login.publicKey,
    hostPrivateKeyFile: host.file,
    hostPublicKey: host.publicKey,
  };
}

function generateKey(folder: string, name: string): { file: string; publicKey: string } {
  const { private: privateKey, public: publicKey } = newSshKeyPair();
  const file = join(folder, name);
  writePrivate(file, privateKey.endsWith("\n") ? privateKey : `${privateKey}\n`);
  return { file, publicKey: publicKey.trim() };
}
