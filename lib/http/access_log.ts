import type { MiddlewareHandler } from "hono";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../observe/log.ts";
import type { HttpEnv } from "./env.ts";
import { presentedCertificate } from "./facts.ts";
import { type RequestContext, siteOf } from "./request_context.ts";

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

/** What came of a request. */
export interface Outcome {
  /** Of the answer. */
  readonly status: number;
  /** Why the gateway refused, if it did. */
  readonly details?: string | undefined;
  /** From its head to its end. */
  readonly durationMs: number;
  /** Of the answer, or of a tunnel, to the caller. */
  readonly bytesOut: number;
}

type FieldReader = (c: RequestContext) => unknown;

const FIELDS: Readonly<Record<string, FieldReader>> = {
  method: (c) => c.req.method,
  authority: (c) => cut(c.env.connectTarget ?? siteOf(c).host),
  path: (c) => c.env.connectTarget === null ? cut(c.req.path) : undefined,
  "user-agent": (c) => cut(c.req.header("user-agent")),
  referer: (c) => withoutQuery(c.req.header("referer")),
  "forwarded-for": (c) => cut(c.req.header("x-forwarded-for")),
  "request-id": (c) => c.get("requestId"),
  // These are known at the end.
  duration: () => 0,
  size: () => 0,
  "response-code": () => 0,
  "response-code-details": () => "",
  ip: (c) => c.get("ip"),
  "client-certificate": (c) => presentedCertificate(c) ?? undefined,
  query: (c) => c.env.connectTarget === null ? redactedQuery(c.req.url) : undefined,
};

/** What lines are made with. */
export interface AccessLogOptions {
  /** As configured with `access_log_fields` at that moment. */
  readonly fields: () => readonly string[];
  /** Where they go. */
  readonly log: Log;
  /** For durations. */
  readonly clock: Clock;
}

/**
 * Writes one line when a request ends, or when the tunnel it opened does. Query strings are left out unless asked for,
 * and credentials always are.
 */
export function accessLog(options: AccessLogOptions): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const startedMs = options.clock.monotonic();
    const line = new AccessLine();
    let isTunnel = false;
    c.set("tunnelOpened", () => {
      isTunnel = true;
      return ({ bytesDown, status = line.status, durationMs }) =>
        line.write(options.log, { status, details: line.details, durationMs, bytesOut: bytesDown });
    });
    await next();
    line.read(c, options.fields());
    const { status, headers } = c.res;
    line.status = status;
    line.details = headers.get("proxy-status") ?? undefined;
    if (isTunnel) return;
    const durationMs = Math.round(options.clock.monotonic() - startedMs);
    const bytesOut = Number(headers.get("content-length") ?? 0);
    line.write(options.log, { status, details: line.details, durationMs, bytesOut });
  };
}

/** Writes the line of a request that a service has answered, without the application. */
export function logForwarded(
  c: RequestContext,
  { fields, log }: Pick<AccessLogOptions, "fields" | "log">,
  outcome: Outcome,
): void {
  const line = new AccessLine();
  line.read(c, fields());
  line.write(log, outcome);
}

/** The line of one request. It keeps nothing of the request itself: a tunnel may be open for days. */
class AccessLine {
  /** Of the answer of the application. */
  status = 0;
  /** Why the application refused, if it did. */
  details: string | undefined;
  #level: "debug" | "info" = "info";
  readonly #values: Record<string, unknown> = {};

  /** Takes what an answered request says of itself. */
  read(c: RequestContext, fields: readonly string[]): void {
    if (QUIET_PATHS.has(c.req.path)) this.#level = "debug";
    for (const field of fields) {
      const value = field.startsWith("headers.")
        ? headerValue(c, field.slice("headers.".length))
        : FIELDS[field]?.(c);
      if (value !== undefined) this.#values[field] = value;
    }
  }

  /** Writes it, with what came of the request. */
  write(log: Log, { status, details, durationMs, bytesOut }: Outcome): void {
    const values = this.#values;
    if ("duration" in values) values.duration = durationMs;
    if ("size" in values) values.size = bytesOut;
    if ("response-code" in values) values["response-code"] = status;
    if ("response-code-details" in values) values["response-code-details"] = details;
    log[this.#level]("http-request", { service: "proxy", ...values });
  }
}

function headerValue(c: RequestContext, name: string): string | undefined {
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
