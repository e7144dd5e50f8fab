import type { AuthorityErrorCode } from "../base/authority.ts";
import type { StoreErrorCode } from "../store/store.ts";
import type { DialErrorCode } from "../upstream/dial_error.ts";

/** What this room itself refuses for. */
export type HttpErrorCode =
  | "http/unauthenticated"
  | "http/invalid-token"
  | "http/invalid-bearer"
  | "http/issuer-unavailable"
  | "http/two-credentials"
  | "http/denied"
  | "http/client-certificate"
  | "http/device"
  | "http/no-route"
  | "http/bad-request"
  | "http/forged-form"
  | "http/method-not-allowed"
  | "http/not-found"
  | "http/too-many-attempts"
  | "http/too-large"
  | "http/too-slow"
  | "http/busy"
  | "http/sign-in-refused"
  | "http/provider-unavailable"
  | "http/not-served"
  | "http/internal";

/** Every code that a peer can be answered for. */
export type AnswerCode = HttpErrorCode | AuthorityErrorCode | DialErrorCode | StoreErrorCode;

/** What the peer is told for a code. */
export interface StatusRow {
  /** HTTP status of the answer. */
  readonly status: 302 | 400 | 401 | 403 | 404 | 405 | 408 | 413 | 429 | 450 | 495 | 500 | 501 | 503;
  /** Error token of the Proxy-Status field (RFC 9209 section 2.3). */
  readonly proxyError: string;
  /** One sentence for a person. */
  readonly title: string;
}

const BAD_TARGET: StatusRow = {
  status: 400,
  proxyError: "http_request_error",
  title: "The destination is not a host and a port from 1 to 65535.",
};
const UNAVAILABLE = (proxyError: string, title: string): StatusRow => ({ status: 503, proxyError, title });
const DENIED = (status: StatusRow["status"], title: string): StatusRow => ({
  status,
  proxyError: "http_request_denied",
  title,
});

/** The one table from error code to answer. Every upstream failure is 503, which existing clients know to keep the token for. */
export const STATUS: Readonly<Record<AnswerCode, StatusRow>> = {
  "http/unauthenticated": DENIED(302, "Sign in first."),
  "http/invalid-token": DENIED(401, "The session is over or the token is not valid. Sign in again."),
  "http/invalid-bearer": DENIED(403, "The bearer token is not one that this route takes."),
  "http/issuer-unavailable": UNAVAILABLE(
    "destination_unavailable",
    "The issuer of the bearer token cannot be reached. Try again in a moment.",
  ),
  "http/two-credentials": DENIED(400, "The request has both a session and a bearer token, or two of them."),
  "http/denied": DENIED(403, "The policy of this route does not let you in."),
  "http/client-certificate": DENIED(495, "This route asks for a client certificate that the gateway trusts."),
  "http/device": DENIED(450, "This route asks for a registered device."),
  "http/no-route": {
    status: 404,
    proxyError: "destination_not_found",
    title: "No route leads to this destination.",
  },
  "http/bad-request": {
    status: 400,
    proxyError: "http_request_error",
    title: "The request is not complete or not valid.",
  },
  "http/forged-form": DENIED(
    400,
    "This form has expired or did not come from this page. Load the page again.",
  ),
  "http/method-not-allowed": {
    status: 405,
    proxyError: "http_request_error",
    title: "This address does not take this method.",
  },
  "http/not-found": {
    status: 404,
    proxyError: "destination_not_found",
    title: "There is nothing at this address.",
  },
  "http/too-many-attempts": DENIED(429, "Too many sign-in attempts. Wait before the next one."),
  "http/too-large": { status: 413, proxyError: "http_request_error", title: "The request is too large." },
  "http/too-slow": { status: 408, proxyError: "http_request_error", title: "The request took too long." },
  "http/busy": UNAVAILABLE("connection_limit_reached", "Too many sign-ins at once. Try again in a moment."),
  "http/sign-in-refused": DENIED(401, "The identity provider did not sign you in."),
  "http/provider-unavailable": UNAVAILABLE(
    "destination_unavailable",
    "The identity provider cannot be reached, or does not answer as it should. Try again in a moment.",
  ),
  "http/not-served": UNAVAILABLE(
    "proxy_configuration_error",
    "Routes of this kind are not served by this version.",
  ),
  "http/internal": {
    status: 500,
    proxyError: "proxy_internal_error",
    title: "Something went wrong in the gateway.",
  },
  "authority/empty": BAD_TARGET,
  "authority/too-long": BAD_TARGET,
  "authority/userinfo": BAD_TARGET,
  "authority/bad-host": BAD_TARGET,
  "authority/unbracketed-ipv6": BAD_TARGET,
  "authority/no-port": BAD_TARGET,
  "authority/bad-port": BAD_TARGET,
  "dial/refused": UNAVAILABLE("connection_refused", "The service refused the connection."),
  "dial/timeout": UNAVAILABLE("connection_timeout", "The service did not answer in time."),
  "dial/name-not-found": UNAVAILABLE("dns_error", "The name of the service does not resolve."),
  "dial/unreachable": UNAVAILABLE(
    "destination_ip_unroutable",
    "The service cannot be reached from the gateway.",
  ),
  "dial/unsupported-scheme": UNAVAILABLE(
    "proxy_configuration_error",
    "The route leads to a kind of service this version does not serve.",
  ),
  "dial/failed": UNAVAILABLE("destination_unavailable", "The service cannot be reached."),
  "store/unwritable": UNAVAILABLE("proxy_internal_error", "The gateway cannot reach its store."),
  "store/incompatible": UNAVAILABLE("proxy_internal_error", "The gateway cannot reach its store."),
  "store/unavailable": UNAVAILABLE("proxy_internal_error", "The gateway cannot reach its store."),
  "store/user-exists": {
    status: 400,
    proxyError: "http_request_error",
    title: "There is such a user already.",
  },
  "store/no-such-user": { status: 400, proxyError: "http_request_error", title: "There is no such user." },
  "store/closed": UNAVAILABLE("proxy_internal_error", "The gateway is stopping."),
};
