import { once } from "node:events";
import { createServer } from "node:https";
import { execaSync } from "execa";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { MODEL } from "../../../../bench/agreement/paced-server";
import { paceOf } from "../../../../bench/agreement/pace";
import { startServer } from "../../../../bench/agreement/server-process";
import { Client } from "../../../../smoke/client";

const client = (endpoint: string) => {
  const made = new Client({ endpoint, clients: [{ name: "bench", key: "of the relay" }] });
  onTestFinished(() => made.close());
  return made;
};
const body = (prompt: string) => ({ model: MODEL, max_tokens: 5, messages: [{ role: "user", content: prompt }] });

test("the paced server gives no token before it is due, and tells what it really did", async () => {
  const server = await startServer("paced-server");
  onTestFinished(() => server.stop());
  const asked = client(server.url);
  const record = await asked.stream(body("어느 질의"));
  const { ttft } = paceOf("어느 질의");
  expect(record).toMatchObject({ tokens: 5, done: true, faults: [], text: " word0 word1 word2 word3 word4" });
  expect(record.firstToken).toBeGreaterThanOrEqual(ttft);
  // The role's event is there long before, and is no token.
  expect(record.firstEvent).toBeLessThan(record.firstToken!);
  const [served] = JSON.parse((await asked.send("/served")).text) as { ttft: number; itl: number; tokens: number }[];
  expect(served).toMatchObject({ tokens: 5 });
  expect(served!.ttft).toBeGreaterThanOrEqual(ttft);
  expect((await asked.send("/served")).text).toBe("[]");
});

test("the relay brings requests to a gateway by TLS and with the key, which stands in nobody's arguments", async () => {
  const folder = mkdtempSync(join(tmpdir(), "relay-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"];
  execaSync("openssl", [
    ...made,
    "-subj",
    "/CN=llm.internal",
    "-addext",
    "subjectAltName=DNS:llm.internal",
    "-keyout",
    key,
    "-out",
    certificate,
  ]);
  const seen: (string | undefined)[] = [];
  const gateway = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (request, response) => {
    seen.push(request.headers.authorization, request.headers.host, request.url);
    response.end("{}");
  }).listen(0, "127.0.0.1");
  await once(gateway, "listening");
  onTestFinished(() => {
    gateway.close();
    gateway.closeAllConnections();
  });
  const { port } = gateway.address() as { port: number };
  const relay = await startServer(
    "relay",
    JSON.stringify({
      ...{ endpoint: `https://127.0.0.1:${port}`, key: "the-real-key", serverName: "llm.internal" },
      caCertificate: readFileSync(certificate, "utf8"),
    }),
  );
  onTestFinished(() => relay.stop());
  expect((await client(relay.url).send("/v1/models")).status).toBe(200);
  expect(seen).toEqual(["Bearer the-real-key", "llm.internal", "/v1/models"]);
});
