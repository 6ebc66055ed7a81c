import { parseTar } from "nanotar";
import { describe, expect, it } from "vitest";
import { container } from "../../../../toolchain/stand-ins/docker/container";
import { containerRequest, endpointSettings } from "../../../../toolchain/stand-ins/docker/container-request";
import { explained } from "../../../../toolchain/stand-ins/docker/daemon";
import { network, networkRequest } from "../../../../toolchain/stand-ins/docker/network";
import { uploadArchive, uploadFaults } from "../../../../toolchain/stand-ins/docker/uploads";
import { faultsOf } from "../../../../toolchain/stand-ins/protocol/inputs";
import { secret, UNKNOWN } from "../../../../toolchain/stand-ins/protocol/values";

const context = { urn: "", name: "host", signal: new AbortController().signal, report: () => undefined };

describe("names", () => {
  it("are made up once, noted as a default, and kept", () => {
    const first = network.check?.({}, undefined, context).inputs;
    expect(first).toEqual({ name: expect.stringMatching(/^host-[0-9a-f]{7}$/) as string, __defaults: ["name"] });
    expect(network.check?.({ ipv6: true }, first, context).inputs).toEqual({ ...first, ipv6: true });
  });

  it("given by the program stay as they are, and are not kept when they go", () => {
    const given = network.check?.({ name: "mine" }, undefined, context).inputs;
    expect(given).toEqual({ name: "mine", __defaults: [] });
    expect(network.check?.({}, given, context).inputs["name"]).not.toBe("mine");
  });
});

describe("a container", () => {
  it("is asked for with limits, ports, mounts and rights", () => {
    const request = containerRequest({
      name: "c",
      image: "i",
      command: ["/sbin/init"],
      hostname: "h",
      memory: 512,
      restart: "unless-stopped",
      capabilities: { adds: ["SYS_ADMIN"] },
      securityOpts: ["seccomp=unconfined"],
      cgroupnsMode: "private",
      tmpfs: { "/run": "" },
      ports: [
        { internal: 22, external: 2222, ip: "127.0.0.1" },
        { internal: 53, protocol: "udp" },
      ],
      volumes: [
        { hostPath: "/a", containerPath: "/b", readOnly: true },
        { volumeName: "v", containerPath: "/c" },
        { containerPath: "/d" },
      ],
      networksAdvanced: [{ name: "n" }],
      labels: [{ label: "l", value: "1" }],
    });
    expect(request).toMatchObject({
      name: "c",
      Image: "i",
      Cmd: ["/sbin/init"],
      Hostname: "h",
      Labels: { l: "1" },
      ExposedPorts: { "22/tcp": {}, "53/udp": {} },
      HostConfig: {
        Memory: 512 * 1024 * 1024,
        RestartPolicy: { Name: "unless-stopped", MaximumRetryCount: 0 },
        CapAdd: ["SYS_ADMIN"],
        SecurityOpt: ["seccomp=unconfined"],
        CgroupnsMode: "private",
        Tmpfs: { "/run": "" },
        PortBindings: {
          "22/tcp": [{ HostIp: "127.0.0.1", HostPort: "2222" }],
          "53/udp": [{ HostIp: "0.0.0.0", HostPort: "" }],
        },
        Binds: ["/a:/b:ro", "v:/c:rw", "/d"],
        NetworkMode: "n",
      },
    });
    expect(request).not.toHaveProperty("Env");
  });

  it("joins a network under its fixed addresses and aliases", () => {
    expect(endpointSettings({ name: "n", ipv4Address: "10.0.0.2", ipv6Address: "fd00::2", aliases: ["a"] })).toEqual({
      Aliases: ["a"],
      IPAMConfig: { IPv4Address: "10.0.0.2", IPv6Address: "fd00::2" },
    });
  });

  it("is replaced by every change, after the old one is gone", () => {
    expect(container).toMatchObject({ replacedBy: "all", deleteBeforeReplace: true });
  });

  it("is refused when it asks for what the stand-in does not know", () => {
    const faults = faultsOf({ image: "i", healthcheck: { tests: ["CMD"] } }, container.fields);
    expect(faults).toEqual([expect.stringContaining("healthcheck is not supported here")]);
  });

  it("leaves uploads that are not known yet to the run that knows them", () => {
    const uploads = [{ file: "/f", content: secret(UNKNOWN) }];
    expect(container.check?.({ image: "i", uploads }, undefined, context).faults).toEqual([]);
  });
});

describe("uploads", () => {
  it("become root's files with their modes", async () => {
    const archive = await uploadArchive([
      { file: "/root/.ssh/authorized_keys", content: "key\n", permissions: "0600" },
      { file: "/bin/tool", contentBase64: Buffer.from([0, 255]).toString("base64"), executable: true },
      { file: "/etc/empty", content: "" },
    ]);
    const files = parseTar(new Uint8Array(archive)).map(({ name, attrs, data, type }) => ({
      name,
      mode: attrs?.mode?.slice(-3),
      uid: attrs?.uid,
      type,
      data: [...(data ?? [])],
    }));
    expect(files).toEqual([
      { name: "root/.ssh/authorized_keys", mode: "600", uid: 0, type: "file", data: [...Buffer.from("key\n")] },
      { name: "bin/tool", mode: "744", uid: 0, type: "file", data: [0, 255] },
      { name: "etc/empty", mode: "644", uid: 0, type: "file", data: [] },
    ]);
  });

  it("are refused with every reason", () => {
    expect(
      uploadFaults([
        { file: "rel", permissions: "9" },
        { file: `/${"x".repeat(101)}`, content: "" },
      ]),
    ).toEqual([
      "uploads[0] (rel) needs exactly one of content, contentBase64 and source",
      "uploads[0] (rel): file must be an absolute path in the container",
      'uploads[0] (rel): permissions must be octal digits such as "0600"',
      expect.stringMatching(/^uploads\[1\] .*: path over 100 bytes$/),
    ]);
  });
});

it("a network is asked for with both address families", () => {
  const request = networkRequest({
    name: "n",
    ipv6: true,
    ipamConfigs: [{ subnet: "172.31.0.0/24", gateway: "172.31.0.1" }, { subnet: "fd00::/64" }],
  });
  expect(request).toMatchObject({
    Name: "n",
    Driver: "bridge",
    EnableIPv6: true,
    IPAM: { Config: [{ Subnet: "172.31.0.0/24", Gateway: "172.31.0.1" }, { Subnet: "fd00::/64" }] },
  });
});

it("the daemon's refusals and its absence are told with the way out", () => {
  const tell = (error: object) => explained("Creating x", Object.assign(new Error("low"), error)).message;
  expect(tell({ code: "ENOENT" })).toMatch(/^Creating x: no Docker daemon answers at .*systemctl start docker/);
  expect(tell({ code: "EACCES" })).toContain("docker group");
  expect(tell({ statusCode: 409, json: { message: "name in use" } })).toBe(
    "Creating x: the Docker daemon refused: name in use",
  );
});
