import type { HttpHygiene, HttpRoute } from "../../config/http_settings.ts";
import type { RawHeaders } from "../exchange.ts";
import { fieldPairs } from "../raw_headers.ts";
import { type Field, hopByHop, plainName } from "./field_names.ts";

/** What the header of a request to a service is made of. */
export interface RequestHeaderOptions {
  /** As the caller sent it. */
  readonly received: RawHeaders;
  /** Of the route. */
  readonly http: HttpRoute;
  /** Of the top level. */
  readonly hygiene: HttpHygiene;
  /** Of the session; cookies whose names begin or end like it are the gateway's. */
  readonly cookieName: string;
  /** What the caller asked for, as `host` or `host:port`. */
  readonly host: string;
  /** Address that the connection came from. */
  readonly peer: string;
  /** Ties the request to the log. */
  readonly requestId: string;
  /** The proxies on its way, this one included. */
  readonly via: string;
  /** Headers that tell who is calling, and that no caller may send: names in lower case, `-` for `_`. */
  readonly identityNames: ReadonlySet<string>;
  /** What the service is told about the caller. */
  readonly identity: readonly Field[];
  /** The headers that the route sets, with their tokens replaced. */
  readonly set: readonly Field[];
}

const ASSERTION = "x-pomerium-jwt-assertion";
const ASSERTION_FOR = "x-pomerium-jwt-assertion-for";
/** They say where a request came from; the gateway says it itself. */
const ORIGIN_NAMES: ReadonlySet<string> = new Set([
  ...[
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "forwarded",
    "x-real-ip",
    "x-request-id",
    "via",
  ],
]);

/**
 * The header fields for a service, without `Host` and without framing other than `Content-Length`: what the caller sent, in
 * its order, without what is for the gateway or for this connection only and without what only the gateway may say, and
 * then what the gateway says.
 */
export function requestHeaders(options: RequestHeaderOptions): string[] {
  const { http, set } = options;
  const received = fieldPairs(options.received);
  const kept = received.filter(isForService(received, options)).flatMap((field) =>
    withoutCredentials(field, options)
  );
  const said = [
    ...kept.filter(([name]) => !http.removeRequestHeaders.has(name.toLowerCase())),
    ...forwardedFields(received, options),
    ...options.identity,
    ...assertionFor(received, options),
  ];
  const overwritten = new Set(set.map(([name]) => name.toLowerCase()));
  return [...said.filter(([name]) => !overwritten.has(name.toLowerCase())), ...set].flat();
}

function isForService(received: readonly Field[], options: RequestHeaderOptions): (field: Field) => boolean {
  const dropped = hopByHop(received);
  return ([name, value]) => {
    const lower = name.toLowerCase();
    if (lower === "te") return value.trim().toLowerCase() === "trailers";
    if (lower === "host" || lower === "expect" || dropped.has(lower)) return false;
    if (lower.includes("_") && options.hygiene.underscores === "drop") return false;
    const plain = plainName(name);
    return !ORIGIN_NAMES.has(plain) && !plain.startsWith("x-pomerium-") && !options.identityNames.has(plain);
  };
}

/** Sessions of the gateway are nobody else's business. */
function withoutCredentials([name, value]: Field, { cookieName }: RequestHeaderOptions): Field[] {
  switch (plainName(name)) {
    case "authorization":
      return /^(?:Pomerium |Bearer Pomerium-)/i.test(value) ? [] : [[name, value]];
    case "cookie": {
      const others = value.split(";").filter((pair) => !isOwnCookie(pair.split("=")[0]!.trim(), cookieName));
      return others.length === 0 ? [] : [[name, others.join(";").trim()]];
    }
    default:
      return [[name, value]];
  }
}

/** Whether a cookie is one that the gateway sets. */
export function isOwnCookie(name: string, cookieName: string): boolean {
  return name === cookieName || name.startsWith(`__Host-${cookieName}_`);
}

function forwardedFields(received: readonly Field[], options: RequestHeaderOptions): Field[] {
  const before = received.filter(([name]) => name.toLowerCase() === "x-forwarded-for").map(([, value]) =>
    value
  );
  const addresses = options.hygiene.skipsForwardedFor ? before : [...before, options.peer];
  return [
    ...(addresses.length === 0 ? [] : [["X-Forwarded-For", addresses.join(", ")] as const]),
    ["X-Forwarded-Proto", "https"],
    ["X-Forwarded-Host", options.host],
    ["X-Request-Id", options.requestId],
    ["Via", options.via],
  ];
}

/** The assertion about somebody on whose behalf a service calls; the last service verifies it. */
function assertionFor(received: readonly Field[], { http }: RequestHeaderOptions): Field[] {
  if (!http.passesIdentity) return [];
  const find = (wanted: string) => received.find(([name]) => name.toLowerCase() === wanted)?.[1];
  const assertion = find(ASSERTION) ?? find(ASSERTION_FOR);
  return assertion === undefined ? [] : [["X-Pomerium-Jwt-Assertion-For", assertion]];
}
