import type { StackConfig } from "../config/schema";

/** What the gateway answers itself: each error as a location of nginx. */

/** A folder on the host while a deployment restarts the engine; `templates/lib/pause.sh` makes it. */
export const PAUSE_MARK = "/run/httpd-tms-llm/paused";

const SECONDS_UNTIL_RETRY = 5;

export interface ErrorAnswer {
  readonly status: number;
  readonly message: string;
  readonly type: "invalid_request_error" | "requests" | "server_error";
  readonly code: string;
  /** Further headers: name → nginx value. */
  readonly headers?: Readonly<Record<string, string>>;
}

export const UNAVAILABLE: ErrorAnswer = {
  status: 503,
  message: "The service behind the gateway is not reachable; try again shortly.",
  type: "server_error",
  code: "service_unavailable",
  headers: { "Retry-After": String(SECONDS_UNTIL_RETRY) },
};

/** A deployment restarts the engine. */
const PAUSED: ErrorAnswer = { ...UNAVAILABLE, message: "The model server is being restarted; try again shortly." };

/** What nginx itself refuses or can't deliver, in the form of OpenAI's API; the engine's own errors pass unchanged. */
export function errorAnswers({ maxBodySize, rateLimit, readTimeout }: StackConfig["gateway"]): readonly ErrorAnswer[] {
  const { requestsPerMinute } = rateLimit;
  return [
    {
      status: 401,
      message: "No valid API key. Send one as 'Authorization: Bearer <key>'.",
      type: "invalid_request_error",
      code: "invalid_api_key",
      headers: { "WWW-Authenticate": "Bearer" },
    },
    {
      status: 403,
      message: "This address may not use the endpoint.",
      type: "invalid_request_error",
      code: "forbidden",
    },
    {
      status: 404,
      message: "This endpoint does not serve that path.",
      type: "invalid_request_error",
      code: "unknown_url",
    },
    {
      status: 405,
      message: "This path does not take that method; the Allow header names what it takes.",
      type: "invalid_request_error",
      code: "method_not_allowed",
      headers: { Allow: "$tms_llm_method" },
    },
    {
      status: 413,
      message: `The request body is larger than the ${maxBodySize} bytes allowed.`,
      type: "invalid_request_error",
      code: "request_too_large",
    },
    {
      status: 429,
      message: `More than ${requestsPerMinute} requests per minute; slow down, then try again.`,
      type: "requests",
      code: "rate_limit_exceeded",
      headers: { "Retry-After": String(Math.ceil(60 / requestsPerMinute)) },
    },
    { status: 497, message: "This port speaks HTTPS.", type: "invalid_request_error", code: "https_required" },
    { status: 500, message: "The gateway failed.", type: "server_error", code: "internal_error" },
    {
      status: 502,
      message: "The service behind the gateway broke off; try again.",
      type: "server_error",
      code: "bad_gateway",
    },
    UNAVAILABLE,
    {
      status: 504,
      message: `The service behind the gateway was silent for ${readTimeout} seconds.`,
      type: "server_error",
      code: "timeout",
    },
  ];
}

export function errorLocation(answer: ErrorAnswer): string {
  return [
    `location @error_${answer.status} {`,
    ...indent(["default_type application/json;", ...specialCase(answer.status), ...answerLines(answer)]),
    "}",
  ].join("\n");
}

/** Lines for what has the same status and another reason. */
function specialCase(status: number): string[] {
  const where = (condition: string, answer: ErrorAnswer) => [
    `if (${condition}) {`,
    ...indent(answerLines(answer)),
    "}",
  ];
  switch (status) {
    case 502:
      // nginx calls both "502": the engine that is not there, and the engine that broke off. Only the former is worth a wait.
      return where('$upstream_connect_time = "-"', UNAVAILABLE);
    case UNAVAILABLE.status:
      return where(`-d ${PAUSE_MARK}`, PAUSED);
    default:
      return [];
  }
}

const indent = (lines: readonly string[]) => lines.map((line) => `    ${line}`);

function answerLines({ status, message, type, code, headers = {} }: ErrorAnswer): string[] {
  const body = JSON.stringify({ error: { message, type, param: null, code } });
  // 497 is nginx's own number; the wire knows 400.
  return [
    ...Object.entries(headers).map(([name, value]) => `add_header ${name} "${value}" always;`),
    `return ${status === 497 ? 400 : status} '${body.replaceAll("'", "\\'")}';`,
  ];
}
