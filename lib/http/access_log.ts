import type { Context, MiddlewareHandler } from "hono";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../observe/log.ts";
import type { HttpEnv } from "./env.ts";
import { presentedCertificate } from "./facts.ts";

/** Header fields whose value is a credential, whoever asks for them in `access_log_fields`. */
const SECRET_HEADERS = new Set([
  "authorization",
  "cookie",
  "proxy-authorization",
  "set-cookie",
  "x-pomerium-authorization",
]);
/** Query parameters whose value is a credential, or makes one. */
const SECRET_PARAMETERS = [
  "pomerium_session",
  "pomerium_jwt",
  "pomerium_session_encrypted",
  "pomerium_signature",
  // What an identity provider sends back (RFC 6749 section 4.1.2).
  "code",
  "state",
];
const QUIET_PATHS = new Set(["/ping", "/healthz"]);
const MAX_VALUE_LENGTH = 1024;

interface Outcome {
  /** Of what a service answered; otherwise of the answer of the application. */
  readonly status?: number;
  readonly durationMs: number;
  readonly bytesOut: number;
}

type FieldReader = (c: Context<HttpEnv>, outcome: Outcome) => unknown;

const FIELDS: Readonly<Record<string, FieldReader>> = {
  method: (c) => c.req.method,
  authority: (c) => cut(c.env.connectTarget ?? new URL(c.req.url).host),
  path: (c) => c.env.connectTarget === null ? cut(c.req.path) : undefined,
  "user-agent": (c) => cut(c.req.header("user-agent")),
  referer: (c) => withoutQuery(c.req.header("referer")),
  "forwarded-for": (c) => cut(c.req.header("x-forwarded-for")),
  "request-id": (c) => c.get("requestId"),
  duration: (_c, outcome) => outcome.durationMs,
  size: (_c, outcome) => outcome.bytesOut,
  "response-code": (c, outcome) => outcome.status ?? c.res.status,
  "response-code-details": (c) => c.res.headers.get("proxy-status") ?? undefined,
  ip: (c) => c.get("ip"),
  "client-certificate": (c) => presentedCertificate(c) ?? undefined,
  query: (c) => c.env.connectTarget === null ? redactedQuery(c.req.url) : undefined,
};

/**
 * Writes one line when a request ends, or when the tunnel it opened does. Query strings are left out unless asked for,
 * and credentials always are.
 *
 * @param options `fields`: as configured with `access_log_fields` at that moment
 */
export function accessLog(
  options: { fields: () => readonly string[]; log: Log; clock: Clock },
): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const startedMs = options.clock.monotonic();
    const write = (outcome: Outcome) => {
      const level = QUIET_PATHS.has(c.req.path) ? "debug" : "info";
      options.log[level]("http-request", {
        service: "proxy",
        ...valuesOf(c, { fields: options.fields(), outcome }),
      });
    };
    let isTunnel = false;
    c.set("tunnelOpened", () => {
      isTunnel = true;
      return ({ bytesDown, ...figures }) => write({ ...figures, bytesOut: bytesDown });
    });
    await next();
    if (isTunnel) return;
    const bytesOut = Number(c.res.headers.get("content-length") ?? 0);
    write({ durationMs: Math.round(options.clock.monotonic() - startedMs), bytesOut });
  };
}

function valuesOf(
  c: Context<HttpEnv>,
  options: { fields: readonly string[]; outcome: Outcome },
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const field of options.fields) {
    const value = field.startsWith("headers.")
      ? headerValue(c, field.slice("headers.".length))
      : FIELDS[field]?.(c, options.outcome);
    if (value !== undefined) values[field] = value;
  }
  return values;
}

function headerValue(c: Context<HttpEnv>, name: string): string | undefined {
  const value = c.req.header(name);
  if (name.toLowerCase() === "referer") return withoutQuery(value);
  return value !== undefined && SECRET_HEADERS.has(name.toLowerCase()) ? "[redacted]" : cut(value);
}

function redactedQuery(url: string): string {
  const { searchParams } = new URL(url);
  for (const name of SECRET_PARAMETERS) if (searchParams.has(name)) searchParams.set(name, "[redacted]");
  return cut(searchParams.toString())!;
}

/** The page a browser comes from may have had a credential in its query. */
function withoutQuery(url: string | undefined): string | undefined {
  return cut(url?.split("?")[0]);
}

function cut(value: string | undefined): string | undefined {
  return value === undefined || value.length <= MAX_VALUE_LENGTH
    ? value
    : `${value.slice(0, MAX_VALUE_LENGTH)}…`;
}
