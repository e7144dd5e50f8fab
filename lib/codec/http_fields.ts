import { Http3Error } from "./http3_error.ts";
import type { Field } from "./qpack.ts";

/** The head of a request (RFC 9114 section 4.3.1, RFC 9220). */
export interface RequestHead {
  /** Such as `GET`; case counts. */
  readonly method: string;
  /** Lower case; `null` for CONNECT without protocol. */
  readonly scheme: string | null;
  /** Of `:authority`, or of `host` when that is missing; not empty for http and https. */
  readonly authority: string | null;
  /** With the query; begins with `/`, or is `*`; `null` for CONNECT without protocol. */
  readonly path: string | null;
  /** `:protocol` of an extended CONNECT, such as `connect-udp`; `null` for other requests. */
  readonly protocol: string | null;
  /** Of the content, in bytes; `null` when it is not said. */
  readonly contentLength: number | null;
  /** The fields in their order, names in lower case; `cookie` joined to one (RFC 9114 section 4.2.1). */
  readonly headers: readonly Field[];
}

/** The head of an answer (RFC 9114 section 4.3.2). */
export interface ResponseHead {
  /** 100 to 599, but not 101, which HTTP/3 does not have. */
  readonly status: number;
  /** The fields in their order, names in lower case. */
  readonly headers: readonly Field[];
}

const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** RFC 9110 section 5.5. */
// deno-lint-ignore no-control-regex -- they are what is refused
const BAD_VALUE = /[\0-\x08\x0a-\x1f\x7f]|^[ \t]|[ \t]$/;
const SCHEME = /^[a-z][a-z0-9+.-]*$/i;
/** What belongs to one connection of HTTP/1.1 (RFC 9114 section 4.2). */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);
const REQUEST_PSEUDO = [":method", ":scheme", ":authority", ":path", ":protocol"] as const;
const RESPONSE_PSEUDO = [":status"] as const;

/**
 * Reads the field section of a request (RFC 9114 sections 4.2, 4.3.1 and 4.4, RFC 9220 section 3). The rules of HTTP/2 are
 * the same (RFC 9113 section 8.3, RFC 8441 section 4).
 *
 * @throws {Http3Error} `H3_MESSAGE_ERROR`: malformed; ends the stream only
 */
export function parseRequestHead(fields: readonly Field[]): RequestHead {
  const { pseudo, headers } = split(fields, REQUEST_PSEUDO);
  const method = pseudo.get(":method");
  if (method === undefined || !TOKEN.test(method)) throw malformedMessage("the method");
  const protocol = pseudo.get(":protocol") ?? null;
  const scheme = pseudo.get(":scheme")?.toLowerCase() ?? null;
  const path = pseudo.get(":path") ?? null;
  if (method === "CONNECT" && protocol === null) checkConnect(pseudo);
  else checkTarget({ scheme, path, method });
  if (protocol !== null && (method !== "CONNECT" || !TOKEN.test(protocol))) {
    throw malformedMessage("the protocol");
  }
  const authority = authorityOf({ pseudo, headers, isNeeded: method === "CONNECT" });
  return {
    ...{ method, scheme, authority, path, protocol },
    contentLength: contentLengthOf(headers),
    headers: joinCookies(headers),
  };
}

/** Reads the field section of an answer, interim ones too. @throws {Http3Error} `H3_MESSAGE_ERROR`; ends the stream only */
export function parseResponseHead(fields: readonly Field[]): ResponseHead {
  const { pseudo, headers } = split(fields, RESPONSE_PSEUDO);
  const status = pseudo.get(":status") ?? "";
  if (!/^[1-5]\d\d$/.test(status) || status === "101") throw malformedMessage("the status");
  return { status: Number(status), headers };
}

/** Checks fields that no pseudo-header may stand among, such as trailers. @throws {Http3Error} `H3_MESSAGE_ERROR` */
export function checkTrailers(fields: readonly Field[]): void {
  split(fields, []);
}

function split(
  fields: readonly Field[],
  allowed: readonly string[],
): { pseudo: ReadonlyMap<string, string>; headers: readonly Field[] } {
  const pseudo = new Map<string, string>();
  const headers: Field[] = [];
  for (const field of fields) {
    const [name, value] = field;
    if (BAD_VALUE.test(value)) throw malformedMessage("the value of a field");
    if (!name.startsWith(":")) headers.push(checkField(field));
    else if (headers.length > 0 || pseudo.has(name) || !allowed.includes(name)) {
      throw malformedMessage("a pseudo-header");
    } else pseudo.set(name, value);
  }
  return { pseudo, headers };
}

function checkField(field: Field): Field {
  const [name, value] = field;
  if (!NAME.test(name)) throw malformedMessage("the name of a field");
  if (CONNECTION_FIELDS.has(name) || (name === "te" && value.toLowerCase() !== "trailers")) {
    throw malformedMessage("a field of the connection");
  }
  return field;
}

function checkConnect(pseudo: ReadonlyMap<string, string>): void {
  if (pseudo.has(":scheme") || pseudo.has(":path")) throw malformedMessage("the target of CONNECT");
}

function checkTarget(
  { scheme, path, method }: { scheme: string | null; path: string | null; method: string },
): void {
  if (scheme === null || !SCHEME.test(scheme)) throw malformedMessage("the scheme");
  // Visible ASCII only: what is no URI could be read in more than one way further on.
  const isPath = path !== null && (/^\/[!"$-~]*$/.test(path) || (path === "*" && method === "OPTIONS"));
  if (!isPath) throw malformedMessage("the path");
}

function authorityOf(
  { pseudo, headers, isNeeded }: {
    pseudo: ReadonlyMap<string, string>;
    headers: readonly Field[];
    isNeeded: boolean;
  },
): string | null {
  const hosts = headers.filter(([name]) => name === "host").map(([, value]) => value);
  const stated = pseudo.get(":authority");
  const authority = stated ?? (isNeeded ? undefined : hosts[0]);
  const scheme = pseudo.get(":scheme")?.toLowerCase();
  const mustBe = isNeeded || scheme === "http" || scheme === "https";
  if (hosts.length > 1 || (stated !== undefined && hosts.length > 0 && hosts[0] !== stated)) {
    throw malformedMessage("the host");
  }
  if (mustBe && (authority === undefined || authority === "" || authority.includes("@"))) {
    throw malformedMessage("the authority");
  }
  return authority ?? null;
}

function contentLengthOf(headers: readonly Field[]): number | null {
  const values = headers.filter(([name]) => name === "content-length").map(([, value]) => value);
  const [value] = values;
  if (value === undefined) return null;
  // Twice the same would be forwarded twice, and not every service takes that.
  if (values.length > 1 || !/^\d{1,15}$/.test(value)) throw malformedMessage("the content length");
  return Number(value);
}

function joinCookies(headers: readonly Field[]): readonly Field[] {
  const cookies = headers.filter(([name]) => name === "cookie").map(([, value]) => value);
  if (cookies.length < 2) return headers;
  return [...headers.filter(([name]) => name !== "cookie"), ["cookie", cookies.join("; ")]];
}

function malformedMessage(what: string): Http3Error {
  return new Http3Error("H3_MESSAGE_ERROR", `Cannot take a message: ${what} is missing or wrong`);
}
