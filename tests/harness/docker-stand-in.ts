import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { BareHost } from "./bare-host";

/** A host with a driver and a Docker, both stand-ins, for the container toolkit's tests. */

const fixture = (path: string) => readFileSync(join(__dirname, "../fixtures", path), "utf8");

/** What a package of the test's making brings as nvidia-ctk. */
export const NVIDIA_CTK = fixture("container-toolkit/nvidia-ctk");

/** An operator's own configuration, in his own style. */
export const OWN_DAEMON = '{ "log-driver": "journald", "runtimes": {"kata": {"path": "/usr/bin/kata-runtime"}} }\n';

export const putFile = (host: BareHost, path: string, text: string, mode = "0755") =>
  host.shell(`mkdir -p ${path.replace(/\/[^/]*$/, "")} && cat >${path} && chmod ${mode} ${path}`, text);

/** @param program the real nvidia-ctk, on this machine */
export async function dockerWithGpu(host: BareHost, program: string): Promise<void> {
  await host.copy(program, "/srv/nvidia-ctk");
  await putFile(host, "/srv/cdi.yaml", fixture("container-toolkit/cdi.yaml"), "0644");
  await putFile(host, "/usr/local/bin/nvidia-smi", fixture("driver/nvidia-smi"));
  await putFile(host, "/usr/local/bin/docker", fixture("container-toolkit/docker"));
  await putFile(host, "/etc/systemd/system/docker.service", fixture("container-toolkit/docker.service"), "0644");
  await putFile(host, "/etc/docker/daemon.json", OWN_DAEMON, "0640");
  await host.shell("echo 580.126.09 >/run/nvidia-loaded; systemctl daemon-reload; systemctl start docker");
}
