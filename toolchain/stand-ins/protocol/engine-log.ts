import { credentials } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";

/** Sends status lines to the engine, which shows them beside the resource while it is worked on. */
export class EngineLog {
  private client: EngineClient | undefined;

  /** @param address host:port of the engine; undefined, or anything that is no address, keeps the log silent. */
  constructor(address: string | undefined) {
    if (address !== undefined) this.connect(address);
  }

  connect(address: string): void {
    if (!/^[\w.[\]:-]+:\d+$/.test(address)) return;
    this.client = new EngineClient(address, credentials.createInsecure());
  }

  /** A passing line; a lost one is no failure of the work it tells about. */
  status(urn: string, message: string): void {
    if (this.client === undefined) return;
    const request = new LogRequest();
    request.setSeverity(LogSeverity.INFO);
    request.setUrn(urn);
    request.setMessage(message);
    request.setEphemeral(true);
    this.client.log(request, () => undefined);
  }
}
