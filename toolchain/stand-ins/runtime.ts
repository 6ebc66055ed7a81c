import { type handleUnaryCall, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { type PluginAttach, PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { EngineLog } from "./protocol/engine-log";
import { Lifetime } from "./protocol/lifetime";
import type { Provider } from "./protocol/provider";
import { providerService } from "./protocol/service";

type Handler = (request: never) => unknown;
type GrpcMethod = handleUnaryCall<unknown, unknown>;

/**
 * Runs a stand-in as the engine expects a provider plugin: it listens on a free loopback port, prints that port as the
 * only line on stdout, and stays until the engine ends it. The engine's own address is the last argument.
 *
 * The raw service is used and not `@pulumi/pulumi/provider`: that helper promises the engine no previews, has no
 * detailed diff, and costs half a second of start-up for the SDK's root.
 */
export function serve(provider: Provider): void {
  const lifetime = new Lifetime();
  const log = new EngineLog(process.argv.at(-1));
  const handlers: Record<string, Handler> = {
    ...providerService(provider, lifetime, log),
    getPluginInfo() {
      const info = new PluginInfo();
      info.setVersion(provider.version);
      return info;
    },
    attach(request: PluginAttach) {
      log.connect(request.getAddress());
      return new Empty();
    },
    cancel() {
      lifetime.cancel();
      return new Empty();
    },
  };
  const methods = Object.keys(ResourceProviderService).map((name) => {
    const handler = handlers[name] ?? notOffered(provider, name);
    return [name, asGrpcMethod(handler, lifetime)] as const;
  });
  const server = new Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  server.addService(ResourceProviderService, Object.fromEntries(methods));
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
    if (error) {
      process.stderr.write(`pulumi-resource-${provider.name}: no loopback port to listen on: ${error.message}\n`);
      process.exit(1);
    }
    process.stdout.write(`${port}\n`);
  });
  lifetime.followEngine();
}

/** A call that the stand-in leaves out; the engine knows what to do without it. */
class NotOffered extends Error {}

function notOffered(provider: Provider, method: string): Handler {
  return () => {
    throw new NotOffered(`the stand-in for the ${provider.name} plugin has no ${method}`);
  };
}

function asGrpcMethod(handler: Handler, lifetime: Lifetime): GrpcMethod {
  return (call, callback) => {
    lifetime.track(new Promise((resolve) => resolve(handler(call.request as never)))).then(
      (response) => callback(null, response),
      (error: unknown) =>
        callback({
          code: error instanceof NotOffered ? status.UNIMPLEMENTED : status.UNKNOWN,
          details: error instanceof Error ? error.message : String(error),
        }),
    );
  };
}
