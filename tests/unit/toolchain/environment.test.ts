import { execFileSync } from "node:child_process";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { pulumiEnvironment, shellExports } from "../../../toolchain/environment";

const pulumi = { directory: "/cache/pulumi/bin", version: "3.250.0", origin: "local-build" } as const;
const official = [{ name: "command", version: "1.2.1", origin: "official" }] as const;
const standIn = [{ name: "command", version: "1.2.1", origin: "stand-in" }] as const;
const shared = { PULUMI_BACKEND_URL: "s3://states", PULUMI_CONFIG_PASSPHRASE: "own" };

describe("pulumiEnvironment", () => {
  it("puts this Node and the CLI first on PATH, once", () => {
    const node = dirname(process.execPath);
    const present = { ...shared, PATH: `/usr/bin:/cache/pulumi/bin:${node}:/bin` };
    const { PATH } = pulumiEnvironment({ pulumi, plugins: official, sandbox: true }, present);
    expect(PATH).toBe(`${node}:/cache/pulumi/bin:/usr/bin:/bin`);
  });

  it("leaves the operator's backend and passphrase alone", () => {
    const environment = pulumiEnvironment({ pulumi, plugins: official, sandbox: true }, shared);
    expect(environment).not.toHaveProperty("PULUMI_BACKEND_URL");
    expect(environment).not.toHaveProperty("PULUMI_CONFIG_PASSPHRASE_FILE");
  });

  it("keeps no passphrase for a host that is not a sandbox", () => {
    const environment = pulumiEnvironment(
      { pulumi, plugins: official, sandbox: false },
      { PULUMI_BACKEND_URL: "s3://states" },
    );
    expect(environment).not.toHaveProperty("PULUMI_CONFIG_PASSPHRASE_FILE");
  });

  it("forbids downloads of plugins exactly where stand-ins show that there are none", () => {
    const name = "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION";
    expect(pulumiEnvironment({ pulumi, plugins: standIn, sandbox: true }, shared)[name]).toBe("true");
    expect(pulumiEnvironment({ pulumi, plugins: official, sandbox: true }, shared)).not.toHaveProperty(name);
  });

  it("names a Docker daemon that does not listen in the usual place", () => {
    const docker = { host: "unix:///home/user/.docker/run/docker.sock", version: "28" };
    expect(pulumiEnvironment({ pulumi, plugins: official, sandbox: true, docker }, shared)["DOCKER_HOST"]).toBe(
      docker.host,
    );
    const usual = { host: "unix:///var/run/docker.sock", version: "28" };
    expect(pulumiEnvironment({ pulumi, plugins: official, sandbox: true, docker: usual }, shared)).not.toHaveProperty(
      "DOCKER_HOST",
    );
  });
});

describe("shellExports", () => {
  it("survives the shell, whatever is in a value", () => {
    const value = `it's $HOME "and" \`more\``;
    const script = `${shellExports({ TMS_TEST: value })}printf %s "$TMS_TEST"`;
    expect(execFileSync("sh", ["-c", script], { encoding: "utf8" })).toBe(value);
  });
});
