import { ClientError, type ClientErrorCode } from "./client_error.ts";
import { printable } from "./printable.ts";

/** An answer of a gateway, however it was carried. */
export interface AnswerHead {
  /** 100 to 599. */
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
}

/** What a status other than that of success means. */
const REFUSALS: Readonly<Record<number, { code: ClientErrorCode; what: string; hint?: string }>> = {
  403: {
    code: "client/denied",
    what: "you are signed in, but may not use this route",
    hint: "ask whoever runs the gateway, and quote the request id",
  },
  404: {
    code: "client/no-such-route",
    what: "the gateway has no such route",
    hint: "compare the host and port with the route, or name another gateway with --gateway-url",
  },
  495: {
    code: "client/certificate-refused",
    what: "the route asks for a client certificate that the gateway trusts",
    hint:
      "show one with --client-cert or --client-cert-from-store; sallyport certs explain lists those you have",
  },
  503: {
    code: "client/unavailable",
    what: "the service behind the gateway does not answer",
    hint: "try again later; you do not need to sign in again",
  },
};

const LOGIN_REQUIRED: readonly number[] = [301, 302, 307, 308, 401];

/** Says why a gateway did not open a tunnel. @param authority where the tunnel was to lead */
export function refusal(authority: string, { status, headers }: AnswerHead): ClientError {
  const { code, what, hint } = LOGIN_REQUIRED.includes(status)
    ? { code: "client/login-required" as const, what: "the gateway asks for a sign-in", hint: undefined }
    : REFUSALS[status] ??
      { code: "client/unexpected-status" as const, what: "the gateway refused", hint: undefined };
  const message = `Cannot open a tunnel to ${authority}: ${what} (${quotable(status, headers)})`;
  return new ClientError(code, message, { status, hint });
}

/** What the gateway calls the request: 1 to 100 visible ASCII characters; `null` when it gave no such name. */
export function requestIdOf({ headers }: AnswerHead): string | null {
  const name = headers.get("x-request-id") ?? "";
  return /^[\x21-\x7e]{1,100}$/.test(name) ? name : null;
}

/** What a person can quote when asking for help (Proxy-Status: RFC 9209). */
function quotable(status: number, headers: ReadonlyMap<string, string>): string {
  const facts = [`status ${status}`];
  const requestId = headers.get("x-request-id");
  const proxyStatus = headers.get("proxy-status");
  if (requestId !== undefined) facts.push(`request id ${printable(requestId, 100)}`);
  if (proxyStatus !== undefined) facts.push(`proxy-status ${printable(proxyStatus)}`);
  return facts.join(", ");
}
