import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { stackSchema } from "../../../../plan/config/schema";
import { COMMENT_MARK, renderComment } from "../../../../plan/review/comment";
import { parseFactsFile, type HostFacts } from "../../../../plan/host-facts";
import { plannedStacksSchema, planForReview, refusedForReview } from "../../../../plan/review/planned-stack";

const OWN_HOST = {
  kind: "ssh",
  host: "203.0.113.10",
  hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
};

/** A host with one L4. */
const L4 = parseFactsFile(readFileSync(join(__dirname, "../../../golden/auto-l4/facts.yaml"), "utf8"), "prod");

const planned = (changes: Record<string, unknown> = {}, facts?: HostFacts) =>
  planForReview(
    "prod",
    stackSchema.parse({
      target: { kind: "sandbox" },
      models: [{ name: "kanana", source: "ollama:kanana", context: 8192 }],
      clients: { tms: { a: 1 } },
      access: { allow: ["10.20.0.0/16"] },
      ...changes,
    }),
    facts,
  );

const vllm = (engine: Record<string, unknown>) => ({
  engine: { kind: "vllm", variant: "cpu", ...engine },
  models: [{ name: "tiny", source: "builtin:tiny", context: 2048 }],
});

const comment = (before: ReturnType<typeof planned>[], after: ReturnType<typeof planned>[], limit?: number) =>
  renderComment(before, after, "the artifact of this run", limit);

describe("the comment on a pull request", () => {
  test("says that nothing changes, and shows nothing more", () => {
    expect(comment([planned()], [planned()])).toMatchInlineSnapshot(`
      "<!-- tms-llm: what this change does to the hosts -->
      ### What this change does to the hosts

      | stack | endpoint | what changes | policies |
      |---|---|---|---|
      | \`prod\` | a sandbox on the machine that deploys it | nothing | kept |

      "
    `);
  });

  test("shows settings, files line by line and what runs again", () => {
    const after = planned({
      access: { allow: ["10.20.0.0/16", "192.0.2.0/24"] },
      gateway: { rateLimit: { requestsPerMinute: 90 } },
    });
    expect(comment([planned()], [after])).toMatchInlineSnapshot(`
      "<!-- tms-llm: what this change does to the hosts -->
      ### What this change does to the hosts

      | stack | endpoint | what changes | policies |
      |---|---|---|---|
      | \`prod\` | a sandbox on the machine that deploys it | 1 file changed; runs again: access, gateway | kept |

      <details><summary><code>prod</code></summary>

      | Settings | before | after |
      |---|---|---|
      | firewall | auto, open to 10.20.0.0/16 | auto, open to 10.20.0.0/16, 192.0.2.0/24 |

      | Inputs of steps | before | after |
      |---|---|---|
      | firewall: allow | 10.1.2.1<br>10.1.2.20<br>10.20.0.0/16<br>fd00:1::1<br>fd00:1::20 | 10.1.2.1<br>10.1.2.20<br>10.20.0.0/16<br>192.0.2.0/24<br>fd00:1::1<br>fd00:1::20 |

      \`/etc/nginx/conf.d/tms-llm.conf\` changed

      \`\`\`diff
      --- /etc/nginx/conf.d/tms-llm.conf	0644 root:root
      +++ /etc/nginx/conf.d/tms-llm.conf	0644 root:root
      @@ -30,7 +30,7 @@
           '"request_time":$request_time,"upstream_connect_time":"$upstream_connect_time",'
           '"upstream_header_time":"$upstream_header_time","upstream_response_time":"$upstream_response_time"}';
       
      -limit_req_zone $tms_llm_client zone=tms_llm_client:1m rate=600r/m;
      +limit_req_zone $tms_llm_client zone=tms_llm_client:1m rate=90r/m;
       
       upstream tms_llm_engine {
           server 127.0.0.1:11434;
      @@ -278,7 +278,7 @@
           location @error_429 {
               default_type application/json;
               add_header Retry-After "1" always;
      -        return 429 '{"error":{"message":"More than 600 requests per minute; slow down, then try again.","type":"requests","param":null,"code":"rate_limit_exceeded"}}';
      +        return 429 '{"error":{"message":"More than 90 requests per minute; slow down, then try again.","type":"requests","param":null,"code":"rate_limit_exceeded"}}';
           }
           location @error_497 {
               default_type application/json;
      \`\`\`

      </details>
      "
    `);
  });

  test.each<[change: string, before: Record<string, unknown>, after: Record<string, unknown>, restarts: boolean]>([
    ["another version of Ollama", {}, { engine: { kind: "ollama", version: "0.17.7" } }, true],
    ["another engine", {}, vllm({}), true],
    ["another setting of vLLM", vllm({}), vllm({ parallel: 32 }), true],
    ["another limit of the gateway", {}, { gateway: { rateLimit: { requestsPerMinute: 90 } } }, false],
    ["another drain, of which the engine itself is not told", {}, { engine: { kind: "ollama", drain: "5m" } }, false],
  ])("announces the pause of %s, where there is one", (_, before, after, restarts) => {
    const text = comment([planned(before)], [planned(after)]);
    expect(text.includes("**the engine restarts** |")).toBe(restarts);
    expect(text.includes("new requests get 503 with Retry-After")).toBe(restarts);
    expect(comment([], [planned(after)])).not.toContain("the engine restarts");
  });

  test("names keys by generation, and shows none", () => {
    const text = comment([planned()], [planned({ clients: { tms: { a: 1, b: 2 }, rag: { a: 1 } } })]);
    expect(text).toContain("| client tms | key generations a:1 | key generations a:1 b:2 |");
    expect(text).toContain("| client rag | – | key generations a:1 |");
    expect(text).toContain("{{secret:client/tms/b}}");
  });

  test("shows what each auto has become, with the engine's own flag, also where it stays the same", () => {
    const kanana = (quantization: string) => ({
      target: OWN_HOST,
      engine: { kind: "ollama", parallel: "auto" },
      models: [
        {
          name: "kanana",
          source: `hf.co/Mungert/kanana-1.5-8b-instruct-2505-GGUF:${quantization}`,
          sha256: "a".repeat(64),
          context: "auto",
        },
      ],
    });
    const text = comment([planned(kanana("Q4_K_M"), L4)], [planned(kanana("Q8_0"), L4)]);
    const table = text.slice(text.indexOf("| `auto`"));
    expect(table.slice(0, table.indexOf("\n\n"))).toMatchInlineSnapshot(`
      "| \`auto\` has become | before | after |
      |---|---|---|
      | engine.parallel | 4 (OLLAMA_NUM_PARALLEL 4) | 3 (OLLAMA_NUM_PARALLEL 3) |
      | context of kanana | 32k (num_ctx 32768) | 32k (num_ctx 32768) |"
    `);
  });

  test("shows the policies that a change breaks, and tells them from those that were broken before", () => {
    const pulled = planned({ target: OWN_HOST });
    const pinned = planned({
      target: OWN_HOST,
      models: [{ name: "kanana", source: "ollama:kanana", sha256: "a".repeat(64), context: 8192 }],
    });
    expect(comment([pinned], [pulled])).toContain("| **1 broken** |");
    expect(comment([pinned], [pulled])).toContain("(pinned-artifacts)\n  found:   kanana (step model-kanana-efec71)");
    expect(comment([pulled], [pulled])).toContain("| nothing | 1 broken, as before |");
    expect(comment([pulled], [pinned])).toContain("| kept |");
  });

  test("takes what an older revision has printed, which knows no policies", () => {
    const { stack, settings, files, inputs, phases } = planned();
    const old = { stack, settings, files, inputs, phases };
    const [before] = plannedStacksSchema.parse({ schema: "tms-llm/planned-stacks/v1", stacks: [old] }).stacks;
    expect(comment([before!], [planned()])).toContain("| nothing | kept |");
  });

  test("tells a stack that cannot be planned any more from one that never could", () => {
    const refused = refusedForReview("prod", "Pulumi.prod.yaml has 1 fault");
    expect(comment([planned()], [refused])).toContain("**cannot be planned any more**");
    expect(comment([refused], [refused])).toContain("cannot be planned, as before");
  });

  test("knows a new stack, and one whose file is gone", () => {
    expect(comment([], [planned()])).toContain("a new stack; 10 files added");
    expect(comment([planned()], [])).toContain("its host stays as it is until `npm run destroy`");
  });

  test("is cut to what GitHub takes, and says where the rest is", () => {
    const after = planned({ gateway: { tls: { mode: "off" } } });
    const whole = comment([planned()], [after]);
    const cut = comment([planned()], [after], 2000);
    expect(whole.length).toBeGreaterThan(2000);
    expect(cut.length).toBeLessThanOrEqual(2000);
    expect(cut.startsWith(COMMENT_MARK)).toBe(true);
    expect(cut).toContain("Long differences were cut; the whole text: the artifact of this run");
  });

  test("cannot be broken out of by what a stack file says", () => {
    const refused = refusedForReview("prod", "```\n</details><img src=x>\n````");
    expect(comment([], [refused])).toContain("`````text\n```\n</details><img src=x>\n````\n`````");
  });
});
