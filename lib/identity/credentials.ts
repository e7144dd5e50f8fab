import { decodeBase64 } from "../base/bytes.ts";

/** Which part of a request carried the session token. */
export type Carrier =
  | "cookie"
  | "x-pomerium-authorization"
  | "authorization"
  | "proxy-authorization"
  | "query"
  /** None of a request: the key that an SSH client has proven to hold. */
  | "ssh-key";

/** A session token as it was found in a request. Nothing about it is verified. */
export interface Credentials {
  /** A secret. */
  readonly token: string;
  /** Where it stood. */
  readonly carrier: Carrier;
}

/** Longest `Proxy-Authorization: Basic` that is decoded: a token of 8192 characters and the user name. */
const MAX_BASIC_LENGTH = 11_000;

/**
 * Finds the session token of a request. The first place that has one decides, in this order: the cookie;
 * `X-Pomerium-Authorization: <token>`; `Authorization: Pomerium <token>` or `Bearer Pomerium-<token>`;
 * `Proxy-Authorization` with the same two, or `Basic` with the user `pomerium` and the token as password (for tools that
 * know only a user and a password for proxies); the query parameter `pomerium_session`. Scheme words are case-sensitive
 * but for `Basic`, so that the credentials of other programs are left alone.
 *
 * @param options `url`: `null` when the request target has no query (CONNECT); `cookieName`: as configured
 * @returns `null` when there is none
 */
export function findCredentials(
  options: { headers: Pick<Headers, "get">; url: URL | null; cookieName: string },
): Credentials | null {
  const { headers, url, cookieName } = options;
  const candidates: readonly [Carrier, () => string | null | undefined][] = [
    ["cookie", () => cookieValue(headers.get("cookie") ?? "", cookieName)],
    ["x-pomerium-authorization", () => headers.get("x-pomerium-authorization")],
    ["authorization", () => schemeToken(headers.get("authorization") ?? "")],
    ["proxy-authorization", () => proxyToken(headers.get("proxy-authorization") ?? "")],
    ["query", () => url?.searchParams.get("pomerium_session")],
  ];
  for (const [carrier, find] of candidates) {
    const token = find()?.trim();
    if (token !== undefined && token !== "") return { token, carrier };
  }
  return null;
}

function cookieValue(header: string, name: string): string | undefined {
  const pair = header.split(";").find((pair) => pair.trimStart().startsWith(`${name}=`));
  return pair?.slice(pair.indexOf("=") + 1);
}

function schemeToken(header: string): string | undefined {
  return /^(?:Pomerium |Bearer Pomerium-)(.*)$/.exec(header)?.[1];
}

function proxyToken(header: string): string | undefined {
  return schemeToken(header) ?? basicPassword(header);
}

function basicPassword(header: string): string | undefined {
  const encoded = header.length > MAX_BASIC_LENGTH ? undefined : /^Basic +(\S+)$/i.exec(header)?.[1];
  const bytes = encoded === undefined ? null : decodeBase64(encoded);
  const text = bytes === null ? "" : new TextDecoder().decode(bytes);
  return text.startsWith("pomerium:") ? text.slice("pomerium:".length) : undefined;
}
