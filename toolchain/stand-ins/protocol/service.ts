import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct, type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import * as rpc from "@pulumi/pulumi/proto/provider_pb";
import { changesBetween, inputOf, type Change } from "./diff";
import type { EngineLog } from "./engine-log";
import { faultsOf } from "./inputs";
import type { Lifetime } from "./lifetime";
import type { CallContext, Provider, ResourceType } from "./provider";
import { defined, type Properties } from "./values";

/** The provider service's calls that a stand-in answers, as functions of the request message. */
export function providerService(provider: Provider, lifetime: Lifetime, log: EngineLog) {
  const typeOf = (urn: string): ResourceType => {
    const token = typeToken(urn);
    const type = provider.types[token];
    if (type === undefined) {
      throw new Error(
        `${token} is not in the stand-in for the ${provider.name} plugin, which has ` +
          `${Object.keys(provider.types).join(", ")}. Install the official plugin to use it.`,
      );
    }
    return type;
  };
  const contextOf = (urn: string): CallContext => ({
    urn,
    name: urn.slice(urn.lastIndexOf("::") + 2),
    signal: lifetime.signal,
    report: (line) => log.status(urn, line),
  });

  return {
    handshake() {
      const response = new rpc.ProviderHandshakeResponse();
      response.setAcceptSecrets(true);
      return response;
    },

    getSchema() {
      const response = new rpc.GetSchemaResponse();
      response.setSchema(JSON.stringify({ name: provider.name, version: provider.version }));
      return response;
    },

    checkConfig(request: rpc.CheckRequest) {
      const response = new rpc.CheckResponse();
      response.setInputs(request.getNews());
      return response;
    },

    diffConfig(request: rpc.DiffRequest) {
      return diffResponse(changesBetween(read(request.getOldInputs()), read(request.getNews())), [], false);
    },

    configure(request: rpc.ConfigureRequest) {
      provider.configure?.(read(request.getArgs()));
      const response = new rpc.ConfigureResponse();
      response.setAcceptsecrets(true);
      response.setSupportspreview(true);
      return response;
    },

    check(request: rpc.CheckRequest) {
      const type = typeOf(request.getUrn());
      const inputs = defined(read(request.getNews()));
      const before = request.hasOlds() ? read(request.getOlds()) : undefined;
      const faults = faultsOf(inputs, type.fields);
      const checked =
        faults.length === 0 && type.check !== undefined
          ? type.check(inputs, before, contextOf(request.getUrn()))
          : { inputs, faults };
      const response = new rpc.CheckResponse();
      response.setInputs(write(checked.inputs));
      for (const reason of checked.faults) {
        const failure = new rpc.CheckFailure();
        // The engine prints the value of a property that fails, so no property is named here; the reason names it.
        failure.setProperty("");
        failure.setReason(reason);
        response.addFailures(failure);
      }
      return response;
    },

    diff(request: rpc.DiffRequest) {
      const type = typeOf(request.getUrn());
      const changes = changesBetween(read(request.getOldInputs()), read(request.getNews()));
      return diffResponse(changes, type.replacedBy, type.deleteBeforeReplace ?? false);
    },

    async create(request: rpc.CreateRequest) {
      const type = typeOf(request.getUrn());
      const inputs = read(request.getProperties());
      const response = new rpc.CreateResponse();
      if (request.getPreview()) {
        response.setProperties(write(type.plan(inputs)));
        return response;
      }
      const made = await type.create(inputs, contextOf(request.getUrn()));
      response.setId(made.id);
      response.setProperties(write(made.outputs));
      return response;
    },

    async update(request: rpc.UpdateRequest) {
      const type = typeOf(request.getUrn());
      const inputs = read(request.getNews());
      const response = new rpc.UpdateResponse();
      if (request.getPreview()) {
        response.setProperties(write(type.plan(inputs)));
        return response;
      }
      if (type.update === undefined) throw new Error(`${typeToken(request.getUrn())} is replaced, never updated.`);
      const outputs = await type.update(inputs, read(request.getOlds()), contextOf(request.getUrn()));
      response.setProperties(write(outputs));
      return response;
    },

    async read(request: rpc.ReadRequest) {
      const type = typeOf(request.getUrn());
      const state = read(request.getProperties());
      const inputs = read(request.getInputs());
      const response = new rpc.ReadResponse();
      const context = contextOf(request.getUrn());
      const found = type.read === undefined ? state : await type.read(request.getId(), inputs, state, context);
      // An empty id tells the engine that the resource is gone.
      if (found === undefined) return response;
      response.setId(request.getId());
      response.setProperties(write(found));
      response.setInputs(write(inputs));
      return response;
    },

    async delete(request: rpc.DeleteRequest) {
      await typeOf(request.getUrn()).delete?.(
        request.getId(),
        read(request.getProperties()),
        contextOf(request.getUrn()),
      );
      return new Empty();
    },
  };
}

function diffResponse(changes: readonly Change[], replacedBy: ResourceType["replacedBy"], deleteFirst: boolean) {
  const response = new rpc.DiffResponse();
  response.setHasdetaileddiff(true);
  response.setChanges(
    changes.length === 0 ? rpc.DiffResponse.DiffChanges.DIFF_NONE : rpc.DiffResponse.DiffChanges.DIFF_SOME,
  );
  for (const change of changes) {
    const input = inputOf(change.path);
    const replaces = replacedBy === "all" || replacedBy.includes(input);
    if (!response.getDiffsList().includes(input)) response.addDiffs(input);
    if (replaces && !response.getReplacesList().includes(input)) response.addReplaces(input);
    const detail = new rpc.PropertyDiff();
    detail.setKind(KINDS[change.kind][replaces ? "replace" : "change"]);
    detail.setInputdiff(true);
    response.getDetaileddiffMap().set(change.path, detail);
  }
  response.setDeletebeforereplace(deleteFirst && response.getReplacesList().length > 0);
  return response;
}

const KINDS = {
  add: { change: rpc.PropertyDiff.Kind.ADD, replace: rpc.PropertyDiff.Kind.ADD_REPLACE },
  delete: { change: rpc.PropertyDiff.Kind.DELETE, replace: rpc.PropertyDiff.Kind.DELETE_REPLACE },
  update: { change: rpc.PropertyDiff.Kind.UPDATE, replace: rpc.PropertyDiff.Kind.UPDATE_REPLACE },
};

/** `urn:pulumi:dev::project::parent$type::name` → `type`. */
function typeToken(urn: string): string {
  const qualified = urn.split("::")[2] ?? "";
  return qualified.slice(qualified.lastIndexOf("$") + 1);
}

function read(message: Struct | undefined): Properties {
  return message?.toJavaScript() ?? {};
}

function write(properties: Properties): Struct {
  return Struct.fromJavaScript(defined(properties) as Record<string, JavaScriptValue>);
}
