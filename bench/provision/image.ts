import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "../../toolchain/command";
import { askDocker, type Docker } from "../../toolchain/docker";

/**
 * The sandbox image with the Python that Ansible's modules need on a host, and its binding to apt. A Debian server has both;
 * without them the first contender that installs ufw, a Python program, would pay for all.
 */
const RECIPE = (base: string) => `FROM ${base}
RUN DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends python3 python3-apt \\
 && rm -rf /var/log/apt /var/log/dpkg.log
`;

/** Tag of the benchmark's image, made now if it is missing. */
export async function benchImage(docker: Docker, base: string): Promise<string> {
  const tag = `tms-llm-bench:${createHash("sha256").update(RECIPE(base)).digest("hex").slice(0, 12)}`;
  if ((await askDocker(docker.host, `/images/${tag}/json`)).status === 200) return tag;
  const folder = mkdtempSync(join(tmpdir(), "tms-llm-bench-"));
  try {
    writeFileSync(join(folder, "Dockerfile"), RECIPE(base));
    await runCommand("docker", ["build", "--tag", tag, folder], {
      log: "bench-image",
      failure: "The benchmark's image could not be built.",
      wayOut: "Run the command again.",
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return tag;
}
