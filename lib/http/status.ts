import type { AuthorityErrorCode } from "../base/authority.ts";
import type { StoreErrorCode } from "../store/store.ts";
import type { UdpLimitCode } from "../tunnel/udp_limiter.ts";
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
  | "http/misdirected"
  | "http/device"
  | "http/no-route"
  | "http/bad-request"
  | "http/forged-form"
  | "http/already-decided"
  | "http/foreign-key"
  | "http/method-not-allowed"
  | "http/not-found"
  | "http/too-many-attempts"
  | "http/too-large"
  | "http/too-slow"
  | "http/busy"
  | "http/sign-in-refused"
  | "http/provider-unavailable"
  | "http/not-served"
  | "http/upgrade-refused"
  | "http/service-broken"
  | "http/service-timeout"
  | "http/loop"
  | "http/internal";

/** Every code that a peer can be answered for. */
export type AnswerCode = HttpErrorCode | AuthorityErrorCode | DialErrorCode | StoreErrorCode | UdpLimitCode;

/** What the peer is told for a code. */
export interface StatusRow {
  /** HTTP status of the answer. */
  readonly status:
    | 302
    | 400
    | 401
    | 403
    | 404
    | 405
    | 408
    | 409
    | 413
    | 421
    | 429
    | 450
    | 495
    | 500
    | 501
    | 503
    | 504
    | 508;
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
  "http/misdirected": DENIED(421, "This connection is for another host. Open a new one for this host."),
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
  "http/already-decided": {
    status: 409,
    proxyError: "http_request_denied",
    title: "This has been decided already. Start again in the terminal.",
  },
  "http/foreign-key": DENIED(403, "This key belongs to somebody else. Use another one in the terminal."),
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
  "http/upgrade-refused": DENIED(403, "This route does not let requests go over to this protocol."),
  "http/service-broken": UNAVAILABLE(
    "connection_terminated",
    "The service broke the connection before it answered, or did not answer in HTTP.",
  ),
  "http/service-timeout": {
    status: 504,
    proxyError: "http_response_timeout",
    title: "The service did not answer in time.",
  },
  "http/loop": {
    status: 508,
    proxyError: "proxy_loop_detected",
    title: "The request has been here before: routes lead in a circle.",
  },
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
  "dial/name-timeout": UNAVAILABLE("dns_timeout", "The name of the service was not resolved in time."),
  "dial/unreachable": UNAVAILABLE(
    "destination_ip_unroutable",
    "The service cannot be reached from the gateway.",
  ),
  "dial/unsupported-scheme": UNAVAILABLE(
    "proxy_configuration_error",
    "The route leads to a kind of service this version does not serve.",
  ),
  "dial/tls-untrusted": UNAVAILABLE(
    "tls_certificate_error",
    "The gateway does not trust the certificate of the service.",
  ),
  "dial/tls-refused": UNAVAILABLE(
    "tls_alert_received",
    "The service refused the TLS connection, as when it does not accept the certificate of the gateway.",
  ),
  "dial/tls-failed": UNAVAILABLE("tls_protocol_error", "The service does not speak TLS as it should."),
  "dial/proxy-refused": UNAVAILABLE("http_request_denied", "The next proxy refused the request."),
  "dial/proxy-loop": UNAVAILABLE("proxy_loop_detected", "The way through the next proxy leads in a circle."),
  "dial/proxy-failed": UNAVAILABLE("destination_unavailable", "The next proxy could not reach the service."),
  "dial/limit": UNAVAILABLE(
    "connection_limit_reached",
    "The service has as many connections as the gateway lets it have. Try again in a moment.",
  ),
  "dial/no-healthy-upstream": UNAVAILABLE("destination_unavailable", "No service of this route is well."),
  "dial/no-publisher": UNAVAILABLE(
    "destination_unavailable",
    "Nobody publishes the service of this route now.",
  ),
  "dial/failed": UNAVAILABLE("destination_unavailable", "The service cannot be reached."),
  "udp/too-many-tunnels": UNAVAILABLE(
    "connection_limit_reached",
    "The gateway has as many UDP tunnels as it may have. Try again later.",
  ),
  "udp/too-many-of-user": UNAVAILABLE(
    "connection_limit_reached",
    "You have as many UDP tunnels as one user may have. Close one.",
  ),
  "udp/too-many-of-route": UNAVAILABLE(
    "connection_limit_reached",
    "The route has as many UDP tunnels as one may have. Try again later.",
  ),
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
