import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { DONE, END, event, streamWell, type Behaviour } from "./endpoint";
import { eachIsTold } from "./sabotage";

/** Sends the events as whatever collects them in pieces of `size` bytes would. */
const inPieces = (size: number): Behaviour => ({
  stream: async (response, tokens) => {
    const bytes = Buffer.from(tokens.map((content) => event({ content })).join("") + END + DONE);
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    for (let at = 0; at < bytes.length; at += size) {
      response.write(bytes.subarray(at, at + size));
      await sleep(20);
    }
    response.end();
  },
});

eachIsTold([
  {
    title: "a success holds an error",
    behaviour: { answer: '{"error":{"message":"out of memory","type":"api_error"}}' },
    check: "answer",
    observed: /^200 without an answer$/,
  },
  {
    title: "the answer is a web page",
    behaviour: { answer: "<html>welcome</html>" },
    check: "answer",
    observed: /^200 without an answer$/,
  },
  {
    title: "a stream is collected and sent at the end",
    behaviour: inPieces(1024 * 1024),
    check: "streaming",
    observed: /held back: 96 tokens came in \d pieces/,
  },
  {
    title: "a stream is passed on in pieces of a 4 KiB buffer",
    behaviour: inPieces(4096),
    check: "streaming",
    observed: /held back: 96 tokens came in \d+ pieces, \d\d at a time/,
  },
  {
    title: "a finished answer is replayed as if it streamed",
    behaviour: {
      stream: async (response, tokens) => {
        response.writeHead(200, { "Content-Type": "text/event-stream" }).flushHeaders();
        // So long that the replay stays short beside it on a busy machine too.
        await sleep(1000);
        await tokens.reduce(async (before, content) => {
          await before;
          response.write(event({ content }));
          await new Promise(setImmediate);
        }, Promise.resolve());
        response.end(END + DONE);
      },
    },
    check: "streaming",
    observed: /held back/,
  },
  {
    title: "a chunk that names the role comes at once and the first token late",
    behaviour: {
      stream: async (response, tokens) => {
        response.writeHead(200, { "Content-Type": "text/event-stream" });
        response.write(event({ role: "assistant", content: "" }));
        await sleep(120);
        await streamWell(response, tokens);
      },
    },
    changes: { objectives: { health: 1, ttft: 0.1, total: 10 } },
    check: "streaming",
    observed: /first token after 1\d\d ms/,
  },
  {
    title: "a stream has no token at all",
    behaviour: {
      stream: (response) => {
        response.writeHead(200, { "Content-Type": "text/event-stream" });
        response.end(event({ role: "assistant", content: "" }) + END + DONE);
      },
    },
    check: "streaming",
    observed: /no token came/,
  },
  {
    title: "[DONE] is missing",
    behaviour: {
      stream: (response, tokens) => streamWell(response, tokens, END),
    },
    check: "streaming",
    observed: /^no \[DONE\] at the end$/,
  },
  {
    title: "a stream has no finish reason",
    behaviour: {
      stream: (response, tokens) => streamWell(response, tokens, DONE),
    },
    check: "streaming",
    observed: /^finish reason missing$/,
  },
  {
    title: "a stream breaks off",
    behaviour: {
      stream: async (response, tokens) => {
        response.writeHead(200, { "Content-Type": "text/event-stream" });
        for (const content of tokens.slice(0, 40)) {
          response.write(event({ content }));
          await sleep(1);
        }
        response.destroy();
      },
    },
    check: "streaming",
    observed: /the stream broke off/,
  },
  {
    title: "an error comes within a stream",
    behaviour: {
      stream: (response, tokens) => {
        response.writeHead(200, { "Content-Type": "text/event-stream" });
        response.end(event({ content: tokens[0] }) + 'data: {"error":{"message":"out of memory"}}\n\n' + DONE);
      },
    },
    check: "streaming",
    observed: /an error event: .*out of memory/,
  },
  {
    title: "a stream is compressed",
    behaviour: {
      stream: (response, tokens) => {
        response.writeHead(200, { "Content-Type": "text/event-stream", "Content-Encoding": "gzip" });
        response.end(gzipSync(tokens.map((content) => event({ content })).join("") + END + DONE));
      },
    },
    check: "streaming",
    observed: /compressed \(gzip\)/,
  },
  {
    title: "a stream is answered unstreamed",
    behaviour: {
      stream: (response, tokens) => {
        response.writeHead(200, { "Content-Type": "application/json" });
        response.end(JSON.stringify({ choices: [{ message: { content: tokens.join("") } }] }));
      },
    },
    check: "streaming",
    observed: /content type "application\/json"/,
  },
  {
    title: "an answer is too short to show whether it streams",
    behaviour: { stream: (response, tokens) => streamWell(response, tokens.slice(0, 8)) },
    check: "streaming",
    observed: /too short an answer to tell/,
    verdict: "inconclusive",
  },
  {
    title: "a character is broken at a chunk's border",
    behaviour: {
      stream: (response, tokens) =>
        streamWell(
          response,
          tokens.map((token) => token.replace("추", "\uFFFD\uFFFD")),
        ),
    },
    check: "korean",
    observed: /^the stream has broken characters$/,
  },
  {
    title: "a syllable is lost at a chunk's border",
    behaviour: {
      stream: (response, tokens) =>
        streamWell(
          response,
          tokens.map((token) => token.replace("추", "")),
        ),
    },
    check: "korean",
    observed: /differed 3 times/,
    verdict: "inconclusive",
  },
  {
    title: "the answer holds no Korean",
    behaviour: {
      answer: JSON.stringify({ choices: [{ message: { content: "x" } }] }),
      stream: (response, tokens) =>
        streamWell(
          response,
          tokens.map(() => "x"),
        ),
    },
    check: "korean",
    observed: /has no Korean/,
    verdict: "inconclusive",
  },
]);
