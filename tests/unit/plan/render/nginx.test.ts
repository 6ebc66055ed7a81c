import { describe, expect, test } from "vitest";
import {
  keyedRoutes,
  renderGateway,
  renderKeys,
  type GatewaySettings,
  momentsFrom,
} from "../../../../plan/render/nginx";
import { gatewayConfig } from "../../../harness/gateway";

function render(gateway: Record<string, unknown>, settings: Partial<GatewaySettings> = {}): string {
  const engine = { kind: "ollama", port: 11434 } as const;
  return renderGateway({ gateway: gatewayConfig(gateway).gateway, engine, embeddings: false, ...settings });
}

/** The values of a directive, in the order in which they stand. */
const values = (text: string, directive: string) =>
  [...text.matchAll(new RegExp(`^ *${directive} (.*);$`, "gm"))].map((match) => match[1]);

describe("renderGateway", () => {
  test("opens the OpenAI paths and no other by default", () => {
    const text = render({});
    expect(
      values(text, "location =").concat(
        [...text.matchAll(/^ *location (\S+ )?(\/\S*) \{$/gm)].map((match) => match[2]),
      ),
    ).toEqual(["/v1/models", "/v1/chat/completions", "/v1/completions", "/health", "/engine-answers", "/"]);
    expect(text).not.toContain("stub_status");
  });

  test("looks for no file that SELinux hides from nginx: those of its domain begin with /run/httpd", () => {
    const marks = [...render({}).matchAll(/\(-[defx] (\S+?)\)/g)].map((match) => match[1]);
    expect(new Set(marks).size).toBeGreaterThan(0);
    expect(marks.filter((path) => !path!.startsWith("/run/httpd"))).toEqual([]);
  });

  test("opens the embedding paths for an embedding model, the native ones by consent", () => {
    const paths = (nativeApi: boolean, embeddings: boolean) =>
      keyedRoutes({ gateway: gatewayConfig({ nativeApi }).gateway, embeddings }).map(
        ({ method, path }) => `${method} ${path}`,
      );
    const always = ["GET /v1/models", "POST /v1/chat/completions", "POST /v1/completions"];
    expect(paths(false, true)).toEqual([...always, "POST /v1/embeddings"]);
    expect(paths(true, false)).toEqual([
      ...always,
      "POST /api/chat",
      "POST /api/generate",
      "GET /api/tags",
      "POST /api/embed",
    ]);
  });

  test("listens on IPv4 and IPv6, encrypted where there is a certificate", () => {
    expect(values(render({ port: 8080 }), "listen")).toEqual(["8080 default_server", "[::]:8080 default_server"]);
    const certificate = { chain: "/chain.pem", key: "/key.pem" };
    const text = render({ port: 8443 }, { certificate });
    expect(values(text, "listen")).toEqual(["8443 ssl http2 default_server", "[::]:8443 ssl http2 default_server"]);
    expect(values(text, "ssl_certificate")).toEqual(["/chain.pem"]);
    expect(values(text, "ssl_protocols")).toEqual(["TLSv1.2 TLSv1.3"]);
    expect(values(text, "ssl_ecdh_curve")).toEqual(["X25519:prime256v1:secp384r1"]);
  });

  test("takes sizes, times and rates from the stack file", () => {
    const text = render({ maxBodySize: "32 MiB", readTimeout: "90s", rateLimit: { requestsPerMinute: 20, burst: 3 } });
    expect(values(text, "client_max_body_size")).toEqual(["33554432"]);
    expect(values(text, "client_body_buffer_size")).toEqual(["16777216"]);
    expect(values(text, "proxy_read_timeout")).toEqual(["90000ms", "2s"]);
    expect(text).toContain("zone=tms_llm_client:1m rate=20r/m;");
    expect(values(text, "limit_req")).toEqual(Array(4).fill("zone=tms_llm_client burst=3 nodelay"));
    expect(values(text, "add_header Retry-After")).toContain('"3" always');
  });

  test("reaches Transformers by its socket, without a key, and lets its faults pass but for a full queue", () => {
    const text = render({}, { engine: { kind: "transformers", socket: "/run/engine.sock" } });
    expect(values(text, "server")).toEqual(["unix:/run/engine.sock"]);
    expect(values(text, "include")).not.toContain("/etc/nginx/tms-llm/engine.conf");
    expect(values(text, "proxy_set_header Authorization")).toEqual(['""']);
    expect(values(text, "error_page").filter((value) => value === "503 = @error_503").length).toBeGreaterThan(3);
  });

  test("reaches vLLM by its socket, with a key of its own, and says 'not now' in its own words", () => {
    const text = render({}, { engine: { kind: "vllm", socket: "/run/engine.sock" } });
    expect(values(text, "server")).toEqual(["unix:/run/engine.sock"]);
    expect(values(text, "include")).toContain("/etc/nginx/tms-llm/engine.conf");
    expect(text).not.toContain("proxy_set_header Authorization");
    expect(text.match(/proxy_intercept_errors on;/g)).toHaveLength(4);
    expect(values(text, "error_page").filter((value) => value === "401 500 503 = @error_503")).toHaveLength(4);
    // A page of the location that is missing would show nginx's own, in HTML.
    for (const status of [405, 413, 429, 502, 504]) {
      expect(
        values(text, "error_page").filter((value) => value === `${status} = @error_${status}`).length,
      ).toBeGreaterThan(3);
    }
  });

  test("does without the burst that nginx refuses", () => {
    expect(values(render({ rateLimit: { burst: 0 } }), "limit_req")).toEqual(Array(4).fill("zone=tms_llm_client"));
  });

  test("names no route to an application unless there is one", () => {
    expect(render({})).not.toContain("/api/llm/");
    expect(values(render({ applicationRoute: { upstream: "127.0.0.1:3100" } }), "proxy_pass")).toContain(
      "http://127.0.0.1:3100",
    );
  });
});

describe("renderKeys", () => {
  test("gives each of a client's slots a line that is compared with its case", () => {
    const text = renderKeys([
      { name: "client/tms/a", generation: 4 },
      { name: "client/tms/b", generation: 5 },
    ]);
    expect(text).toMatchInlineSnapshot(`
      "# Who holds which key: <client>/<slot>/<generation>. Regular expressions, because plain strings of a map ignore case.
      map $http_authorization $tms_llm_key {
          default "";
          "~^(?i:Bearer) +{{secret:client/tms/a}}$" tms/a/4;
          "~^(?i:Bearer) +{{secret:client/tms/b}}$" tms/b/5;
      }

      # The client, while its key lasts. A key with a last day ends by this alone: $msec is the time, in seconds since 1970.
      map "$tms_llm_key $msec" $tms_llm_client {
          default "";
          "~^(?<tms_llm_holder>[^/ ]+)/" $tms_llm_holder;
      }
      "
    `);
  });

  test("ends a key with its last day, before the client is looked for", () => {
    const text = renderKeys([{ name: "client/tms/a", generation: 4, expires: "2026-12-31" }]);
    expect(text).toContain("# tms/a/4: to the end of 2026-12-31, UTC");
    expect(text.indexOf('"~^tms/a/4 (1798761600|')).toBeLessThan(text.indexOf("tms_llm_holder"));
  });
});

describe("momentsFrom", () => {
  const second = 1_798_761_600;
  test.each([
    ["just before", second - 1, false],
    ["at", second, true],
    ["just after", second + 1, true],
    ["a year before", second - 31_536_000, false],
    ["a year after", second + 31_536_000, true],
    ["long after", 9_999_999_999, true],
    ["long before", 1_000_000_000, false],
  ])("has the moment %s its second: %i, %s", (_, moment, expected) => {
    expect(new RegExp(`^${momentsFrom(second)}`).test(`${moment}.123`)).toBe(expected);
  });

  test("agrees with the numbers, wherever a digit turns", () => {
    for (const from of [1_799_999_999, 1_800_000_000, 1_790_909_090, 1_999_999_999]) {
      const pattern = new RegExp(`^${momentsFrom(from)}`);
      for (let power = 1; power < 1e9; power *= 10)
        for (const moment of [from - power, from + power])
          expect([moment, pattern.test(`${moment}.0`)]).toEqual([moment, moment >= from]);
    }
  });
});
