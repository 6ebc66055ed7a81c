import { Struct, type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import * as rpc from "@pulumi/pulumi/proto/provider_pb";
import { describe, expect, it } from "vitest";
import { remoteCommand } from "../../../../toolchain/stand-ins/command/remote";
import { randomPassword } from "../../../../toolchain/stand-ins/random/resources";
import { network } from "../../../../toolchain/stand-ins/docker/network";
import { EngineLog } from "../../../../toolchain/stand-ins/protocol/engine-log";
import { Lifetime } from "../../../../toolchain/stand-ins/protocol/lifetime";
import { providerService } from "../../../../toolchain/stand-ins/protocol/service";
import { secret, UNKNOWN, type Properties } from "../../../../toolchain/stand-ins/protocol/values";

const types = { "command:remote:Command": remoteCommand, "r:P": randomPassword, "d:N": network };
const service = providerService({ name: "test", version: "1.0.0", types }, new Lifetime(), new EngineLog(undefined));

const urn = (type: string) => `urn:pulumi:dev::project::parent:index:P$${type}::name`;
const struct = (value: Properties) => Struct.fromJavaScript(value as Record<string, JavaScriptValue>);

function diff(type: string, before: Properties, after: Properties): rpc.DiffResponse.AsObject {
  const request = new rpc.DiffRequest();
  request.setUrn(urn(type));
  request.setOldInputs(struct(before));
  request.setNews(struct(after));
  return service.diff(request).toObject();
}

describe("diff", () => {
  it("is none for the same inputs", () => {
    expect(diff("r:P", { length: 3 }, { length: 3 })).toMatchObject({
      changes: rpc.DiffResponse.DiffChanges.DIFF_NONE,
    });
  });

  it("updates a command, and replaces it for its triggers only", () => {
    expect(diff("command:remote:Command", { stdin: secret("a") }, { stdin: secret("b") })).toMatchObject({
      changes: rpc.DiffResponse.DiffChanges.DIFF_SOME,
      diffsList: ["stdin"],
      replacesList: [],
      detaileddiffMap: [["stdin", { kind: rpc.PropertyDiff.Kind.UPDATE, inputdiff: true }]],
      deletebeforereplace: false,
    });
    expect(diff("command:remote:Command", { create: "a" }, { create: "a", triggers: ["1"] })).toMatchObject({
      replacesList: ["triggers"],
      detaileddiffMap: [["triggers", { kind: rpc.PropertyDiff.Kind.ADD_REPLACE, inputdiff: true }]],
      deletebeforereplace: false,
    });
  });

  it("removes a network before the new one is made", () => {
    expect(diff("d:N", { ipv6: true }, {})).toMatchObject({ replacesList: ["ipv6"], deletebeforereplace: true });
  });
});

describe("check", () => {
  const check = (inputs: Properties) => {
    const request = new rpc.CheckRequest();
    request.setUrn(urn("command:remote:Command"));
    request.setNews(struct(inputs));
    return service.check(request);
  };

  it("names no property in a failure, because the engine would print its value", () => {
    const failures = check({ connection: secret({ host: "h", prvateKey: "LEAK" }) }).getFailuresList();
    expect(failures.map((failure) => failure.getProperty())).toEqual([""]);
    expect(failures.map((failure) => failure.getReason()).join()).toMatch(/connection\.prvateKey(?!.*LEAK)/);
  });

  it("hands the normalised inputs back", () => {
    const inputs = check({ connection: secret({ host: "h", password: "p" }) })
      .getInputs()
      ?.toJavaScript();
    expect(inputs).toEqual({
      connection: secret({
        host: "h",
        password: secret("p"),
        user: "root",
        port: 22,
        dialErrorLimit: 10,
        perDialTimeout: 15,
      }),
    });
  });
});

it("a preview creates nothing and promises what it can", async () => {
  const request = new rpc.CreateRequest();
  request.setUrn(urn("r:P"));
  request.setPreview(true);
  request.setProperties(struct({ length: 12 }));
  const response = await service.create(request);
  expect(response.getId()).toBe("");
  expect(response.getProperties()?.toJavaScript()).toMatchObject({ length: 12, lower: true, result: secret(UNKNOWN) });
});

it("an unknown type is refused with what there is", () => {
  expect(() => diff("x:Y", {}, {})).toThrow(
    "x:Y is not in the stand-in for the test plugin, which has command:remote:Command, r:P, d:N. " +
      "Install the official plugin to use it.",
  );
});
