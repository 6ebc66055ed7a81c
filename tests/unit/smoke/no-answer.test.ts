import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import { createServer as createTcpServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execaSync } from "execa";
import { describe, expect, onTestFinished, test } from "vitest";
import { runSmoke } from "../../../smoke/run";
import { target } from "./endpoint";
import { result } from "./sabotage";

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** A certificate for `gateway.test` that signs itself. */
function certificate(): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), "certificate-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = (name: string) => join(folder, name);
  execaSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"],
    ...["-keyout", path("key"), "-out", path("cert"), "-subj", "/CN=gateway.test"],
    ...["-addext", "subjectAltName=DNS:gateway.test"],
  ]);
  return { key: readFileSync(path("key"), "utf8"), cert: readFileSync(path("cert"), "utf8") };
}

const health = async (endpoint: string, changes = {}) =>
  result(await runSmoke(await target({}, { endpoint, ...changes })), "health");

describe("an endpoint that does not answer fails, and the message says why:", () => {
  test("nothing listens, which blocks every other check", async () => {
    const report = await runSmoke(await target({}, { endpoint: "http://127.0.0.1:1" }));
    expect(result(report, "health")).toMatchObject({
      verdict: "fail",
      observed: "nothing listens at http://127.0.0.1:1",
    });
    expect(report.checks.slice(1).map(({ blockedBy }) => blockedBy)).toEqual(
      report.checks.slice(1).map(() => "health"),
    );
  });

  test("it hangs up", async () => {
    const port = await listen(createTcpServer((socket) => void socket.destroy()));
    const { verdict, observed } = await health(`http://127.0.0.1:${port}`);
    expect(verdict).toBe("fail");
    expect(observed).toMatch(/^no answer from http:\/\/127\.0\.0\.1:\d+: /);
  });

  test("it falls silent after the headers of a stream", async () => {
    const objectives = { health: 1, ttft: 0.1, total: 1 };
    const report = await runSmoke(
      await target(
        {
          stream: (response) => {
            response.writeHead(200, { "Content-Type": "text/event-stream" });
            response.flushHeaders();
          },
        },
        { objectives },
      ),
    );
    expect(result(report, "streaming").observed).toContain("the stream broke off: not finished within 1 s");
    expect(report.verdict).toBe("fail");
  });

  test("its certificate is not trusted, for another name, or expected", async () => {
    const { key, cert } = certificate();
    const server = createServer({ key, cert }, (_, response) => response.end('{"status":"ok"}'));
    const endpoint = `https://127.0.0.1:${await listen(server)}`;
    expect((await health(endpoint, { serverName: "gateway.test" })).observed).toMatch(/is not trusted: self-signed/);
    expect((await health(endpoint, { serverName: "other.test", caCertificate: cert })).observed).toMatch(
      /is not trusted: .*other\.test/,
    );
    expect((await health(endpoint, { serverName: "gateway.test", caCertificate: cert })).verdict).toBe("pass");
  });
});
