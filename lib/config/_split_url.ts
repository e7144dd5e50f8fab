import { type Authority, AuthorityError, parseAuthority } from "../base/authority.ts";
import { RouteUrlError } from "./route_url_error.ts";

const MAX_URL_LENGTH = 4096;
const URL_SHAPE = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(.*)$/i;

/** The parts of a URL (RFC 3986 section 3). */
export interface UrlParts {
  /** Lower case. */
  readonly scheme: string;
  /** As written, without user information. */
  readonly authority: string;
  /** As written; empty, or beginning with a slash. */
  readonly path: string;
  /** Query and fragment with their marks; empty when there are none. */
  readonly rest: string;
}

/**
 * Takes a URL apart, which the platform's parser cannot do: it knows neither wildcards nor `tcp+https`.
 *
 * @throws {RouteUrlError} `route-url/not-a-url`, `route-url/too-long`, `route-url/userinfo`
 */
export function splitUrl(text: string, { example }: { example: string }): UrlParts {
  if (text.length > MAX_URL_LENGTH) {
    throw new RouteUrlError("route-url/too-long", `The URL is longer than ${MAX_URL_LENGTH} characters`);
  }
  const match = URL_SHAPE.exec(text);
  if (match === null) {
    throw new RouteUrlError("route-url/not-a-url", "This is not a URL", { hint: `as in ${example}` });
  }
  const [, scheme, authority, path, rest] = match;
  if (authority!.includes("@")) {
    const hint = "remove what stands before the @";
    throw new RouteUrlError("route-url/userinfo", "The URL carries user information", { hint });
  }
  return { scheme: scheme!.toLowerCase(), authority: authority!, path: path!, rest: rest! };
}

/** Reads `host[:port]`; port 0 when there is none. @throws {RouteUrlError} `route-url/authority` */
export function hostAndPort(text: string): Authority {
  try {
    return parseAuthority(text, { defaultPort: 0 });
  } catch (error) {
    if (!(error instanceof AuthorityError)) throw error;
    throw new RouteUrlError("route-url/authority", error.message, { hint: "as in host.example.com:5432" });
  }
}
