import type { ByteStream } from "../base/byte_stream.ts";
import { utf8 } from "../base/bytes.ts";
import { reachError } from "./_reach_error.ts";
import { readResponseHead, type ResponseHead } from "./response_head.ts";
import { ClientError, type ClientErrorCode } from "./client_error.ts";
import type { Destination } from "./destination.ts";
import { dialGateway } from "./dial_gateway.ts";
import type { GatewayAddress } from "./gateway_address.ts";
import type { GatewayTrust } from "./gateway_trust.ts";
import { printable } from "./printable.ts";

/** How to open a tunnel. */
export interface OpenTunnelOptions {
  /** Sent as `Authorization: Pomerium <token>`; `null` sends none. */
  readonly token: string | null;
  /** Which certificates are believed. */
  readonly trust: GatewayTrust;
  /** What this program calls itself, as in `sallyport/1.0`. */
  readonly userAgent: string;
  /** Until the gateway has answered, connecting included; default 30,000. */
  readonly timeoutMs?: number;
  /** Gives up the attempt when aborted; does nothing to an open tunnel. */
  readonly signal?: AbortSignal;
}

/** An open tunnel, and what it takes to ask its gateway about it later. */
export interface Tunnel extends ByteStream {
  /** What the gateway calls it: 1 to 100 visible ASCII characters, or `null` when the gateway gave no such name. */
  readonly requestId: string | null;
  /** What opened it; `null` when none was sent. */
  readonly token: string | null;
}

/**
 * Opens a TCP tunnel with an HTTP/1.1 CONNECT request (RFC 9110 section 9.3.6).
 *
 * @returns the tunnel, which the caller closes
 * @throws {ClientError} `client/login-required` when the gateway wants another token; `client/denied`,
 *   `client/no-such-route`, `client/unavailable` or `client/unexpected-status` when it will not open the tunnel;
 *   `client/bad-response`; and the codes of {@link dialGateway}
 */
export async function openTunnel(
  { authority, gateway }: Destination,
  options: OpenTunnelOptions,
): Promise<Tunnel> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? 30_000);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
  const stream = await dialGateway(gateway, { trust: options.trust, signal });
  try {
    const head = await exchange(stream, { gateway, signal, request: requestHead(authority, options) });
    if (head.status !== 200) throw refusal(authority, head);
    return tunnelOver(stream, { head, token: options.token });
  } catch (error) {
    stream.close();
    throw error;
  }
}

/** Sends the request and reads the answer; closing the stream is what interrupts it. */
async function exchange(
  stream: ByteStream,
  { gateway, signal, request }: { gateway: GatewayAddress; signal: AbortSignal; request: string },
): Promise<ResponseHead> {
  const onAbort = () => stream.close();
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await stream.write(utf8(request));
    return await readResponseHead(stream);
  } catch (error) {
    throw reachError(signal.aborted ? signal.reason : error, gateway);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function requestHead(authority: string, { token, userAgent }: OpenTunnelOptions): string {
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`, `User-Agent: ${userAgent}`];
  if (token !== null) lines.push(`Authorization: Pomerium ${token}`);
  return lines.join("\r\n") + "\r\n\r\n";
}

/** What a status other than 200 means. */
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
  503: {
    code: "client/unavailable",
    what: "the service behind the gateway does not answer",
    hint: "try again later; you do not need to sign in again",
  },
};

const LOGIN_REQUIRED: readonly number[] = [301, 302, 307, 308, 401];

function refusal(authority: string, { status, headers }: ResponseHead): ClientError {
  const { code, what, hint } = LOGIN_REQUIRED.includes(status)
    ? { code: "client/login-required" as const, what: "the gateway asks for a sign-in", hint: undefined }
    : REFUSALS[status] ??
      { code: "client/unexpected-status" as const, what: "the gateway refused", hint: undefined };
  const message = `Cannot open a tunnel to ${authority}: ${what} (${quotable(status, headers)})`;
  return new ClientError(code, message, { status, hint });
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

/** A stream after its CONNECT: it first gives out the bytes that came together with the answer. */
function tunnelOver(
  stream: ByteStream,
  { head, token }: { head: ResponseHead; token: string | null },
): Tunnel {
  let { rest } = head;
  const name = head.headers.get("x-request-id") ?? "";
  return {
    requestId: /^[\x21-\x7e]{1,100}$/.test(name) ? name : null,
    token,
    read(into) {
      if (rest.length === 0) return stream.read(into);
      const count = Math.min(into.length, rest.length);
      into.set(rest.subarray(0, count));
      rest = rest.subarray(count);
      return Promise.resolve(count);
    },
    write: (bytes) => stream.write(bytes),
    closeWrite: () => stream.closeWrite(),
    close: () => stream.close(),
  };
}
