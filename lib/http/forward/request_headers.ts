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
  const dropped = hopByHop(received);
  const rules = { dropped, hygiene: options.hygiene, identityNames: options.identityNames };
  const overwritten = lowerNames(set);
  const headers: string[] = [];
  const say = (name: string, value: string | null, lower = name.toLowerCase()) => {
    if (value !== null && !overwritten?.has(lower)) headers.push(name, value);
  };
  for (const [name, value] of received) {
    const lower = name.toLowerCase();
    if (!isForService({ lower, value }, rules)) continue;
    if (!http.removeRequestHeaders.has(lower)) {
      say(name, withoutCredentials({ lower, value }, options), lower);
    }
  }
  say("X-Forwarded-For", forwardedFor(received, options));
  say("X-Forwarded-Proto", "https");
  say("X-Forwarded-Host", options.host);
  say("X-Request-Id", options.requestId);
  say("Via", options.via);
  for (const [name, value] of options.identity) say(name, value);
  if (http.passesIdentity) say("X-Pomerium-Jwt-Assertion-For", assertionFor(received));
  for (const [name, value] of set) headers.push(name, value);
  return headers;
}

/** `null` when there are none. */
function lowerNames(fields: readonly Field[]): ReadonlySet<string> | null {
  return fields.length === 0 ? null : new Set(fields.map(([name]) => name.toLowerCase()));
}

interface LowerField {
  readonly lower: string;
  readonly value: string;
}

function isForService(
  { lower, value }: LowerField,
  { dropped, hygiene, identityNames }: Pick<RequestHeaderOptions, "hygiene" | "identityNames"> & {
    readonly dropped: ReadonlySet<string>;
  },
): boolean {
  if (lower === "te") return value.trim().toLowerCase() === "trailers";
  if (lower === "host" || lower === "expect" || dropped.has(lower)) return false;
  if (hygiene.underscores === "drop" && lower.includes("_")) return false;
  const plain = plainName(lower);
  return !ORIGIN_NAMES.has(plain) && !plain.startsWith("x-pomerium-") && !identityNames.has(plain);
}

/** Sessions of the gateway are nobody else's business. */
function withoutCredentials(
  { lower, value }: LowerField,
  { cookieName }: RequestHeaderOptions,
): string | null {
  switch (plainName(lower)) {
    case "authorization":
      return /^(?:Pomerium |Bearer Pomerium-)/i.test(value) ? null : value;
    case "cookie": {
      const others = value.split(";").filter((pair) => !isOwnCookie(pair.split("=")[0]!.trim(), cookieName));
      return others.length === 0 ? null : others.join(";").trim();
    }
    default:
      return value;
  }
}

/** Whether a cookie is one that the gateway sets. */
export function isOwnCookie(name: string, cookieName: string): boolean {
  return name === cookieName || name.startsWith(`__Host-${cookieName}_`);
}

/** Whom the request came from, as far as that is to be said; `null`: nothing is. */
function forwardedFor(received: readonly Field[], { hygiene, peer }: RequestHeaderOptions): string | null {
  const addresses = received.filter(([name]) => name.toLowerCase() === "x-forwarded-for").map(([, value]) =>
    value
  );
  if (!hygiene.skipsForwardedFor) addresses.push(peer);
  return addresses.length === 0 ? null : addresses.join(", ");
}

/** The assertion about somebody on whose behalf a service calls; the last service verifies it. */
function assertionFor(received: readonly Field[]): string | null {
  const find = (wanted: string) => received.find(([name]) => name.toLowerCase() === wanted)?.[1];
  return find(ASSERTION) ?? find(ASSERTION_FOR) ?? null;
}
