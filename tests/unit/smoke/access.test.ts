import { KEY, type Behaviour } from "./endpoint";
import { eachIsTold } from "./sabotage";

const replying = (url: string, status: number, delay = 0): Behaviour => ({
  first: (request, response) => {
    if (request.url !== url) return false;
    setTimeout(() => response.writeHead(status).end("{}"), delay);
    return true;
  },
});

const bearer = (authorization: string | undefined) => authorization?.replace("Bearer ", "");

eachIsTold([
  {
    title: "health is an error",
    behaviour: replying("/health", 502),
    check: "health",
    observed: /^status 502$/,
  },
  {
    title: "health is slow",
    behaviour: replying("/health", 200, 60),
    changes: { objectives: { health: 0.05, ttft: 2, total: 10 } },
    check: "health",
    observed: /ms at best$/,
  },
  {
    title: "no key is needed",
    behaviour: { keyOf: () => KEY },
    check: "keys",
    observed: /200 for \/v1\/models without a key/,
  },
  {
    title: "completions alone need no key",
    behaviour: {
      keyOf: ({ url, headers }) => (url === "/v1/completions" ? KEY : bearer(headers.authorization)),
    },
    check: "keys",
    observed: /^[^;]*for \/v1\/completions without a key; [^;]*\/v1\/completions with a wrong key$/,
  },
  {
    title: "any key is taken",
    behaviour: { keyOf: ({ headers }) => headers.authorization && KEY },
    check: "keys",
    observed: /200 for \/v1\/models with a wrong key/,
  },
  {
    title: "a key in the query string is taken",
    behaviour: {
      keyOf: ({ url, headers }) =>
        new URLSearchParams(url?.split("?")[1]).get("api_key") ?? bearer(headers.authorization),
    },
    check: "keys",
    observed: /^200 for the key in the query string$/,
  },
  {
    title: "a key is compared without its end",
    behaviour: { keyOf: ({ headers }) => bearer(headers.authorization)?.slice(0, KEY.length) },
    check: "keys",
    observed: /^200 for the key and one character more$/,
  },
  {
    title: "letter case of a key does not matter",
    behaviour: {
      keyOf: ({ headers }) => (bearer(headers.authorization)?.toLowerCase() === KEY.toLowerCase() ? KEY : undefined),
    },
    check: "keys",
    observed: /^200 for the key in other letter case$/,
  },
  {
    title: "the client's own key is refused",
    behaviour: { keyOf: () => undefined },
    check: "keys",
    observed: /^401 with tms's key$/,
  },
  {
    title: "the model is not there",
    behaviour: { listed: ["other"] },
    check: "models",
    observed: /^missing: tiny$/,
  },
  {
    title: "one more path is open",
    behaviour: replying("/api/tags", 200),
    check: "allowlist",
    observed: /^GET \/api\/tags: 200; POST \/api\/tags: 200$/,
  },
  {
    title: "a dot segment leads past the allowlist",
    behaviour: replying("/v1/models/../../api/tags", 200),
    check: "allowlist",
    observed: /^GET \/v1\/models\/\.\.\/\.\.\/api\/tags: 200/,
  },
  {
    title: "a closed path tells by its status that it is there",
    behaviour: replying("/metrics", 403),
    check: "allowlist",
    observed: /^GET \/metrics: 403/,
  },
  {
    title: "a closed path answers with a page of the web server",
    behaviour: { notFound: "<html>404</html>" },
    check: "allowlist",
    observed: /404, not in OpenAI's form/,
  },
  {
    title: "too large a body is taken",
    behaviour: {
      first: (request) => {
        delete request.headers["content-length"];
        return false;
      },
    },
    check: "body-limit",
    observed: /^status 400/,
  },
]);
