import { abortable } from "../base/abortable.ts";
import { type Authority, formatAuthority } from "../base/authority.ts";
import type { ByteStream } from "../base/byte_stream.ts";
import { utf8 } from "../base/bytes.ts";
import { streamAfter } from "../base/stream_after.ts";
import { readResponseHead, type ResponseHead } from "../carrier/response_head.ts";
import { CodecError } from "../codec/codec_error.ts";
import { formatUdpTarget } from "../codec/masque_target.ts";
import type { Upstream } from "../config/config.ts";
import { DialError } from "./dial_error.ts";

/** What the next proxy is asked for. */
export interface ProxyRequest {
  /** The destination; `null`: the proxy itself. */
  readonly target: Authority | null;
  /** Whether it is UDP that is asked for, and the stream then carries capsules; default: TCP. */
  readonly isUdp?: boolean;
  /** `Via` (RFC 9110 section 7.6.3): the proxies so far, this one last. */
  readonly via: string;
}

/** How to ask it. */
export interface ProxyRequestOptions extends ProxyRequest {
  /** What is asked. */
  readonly proxy: Upstream;
  /** Gives up, which closes the stream. */
  readonly signal: AbortSignal;
}

/**
 * Asks a proxy for a TCP connection with CONNECT over HTTP/1.1 (RFC 9110 section 9.3.6).
 *
 * @param stream to the proxy; owned from now on, and closed on a failure
 * @returns the tunnel, which the caller closes
 * @throws {DialError} `dial/proxy-refused`, `dial/proxy-loop`, `dial/proxy-failed`, and what reading or writing throws
 */
export async function connectThrough(stream: ByteStream, options: ProxyRequestOptions): Promise<ByteStream> {
  const authority = formatAuthority(options.target ?? options.proxy);
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`, `Via: ${options.via}`];
  return await ask(stream, { ...options, lines, isAccepted: (status) => status >= 200 && status < 300 });
}

/**
 * Asks a proxy for UDP with an HTTP/1.1 upgrade to `connect-udp` (RFC 9298 section 3.2).
 *
 * @param stream to the proxy; owned from now on, and closed on a failure
 * @returns what carries capsules (RFC 9297 section 3.2), which the caller closes
 * @throws {DialError} as {@link connectThrough}
 */
export async function connectUdpThrough(
  stream: ByteStream,
  options: ProxyRequestOptions,
): Promise<ByteStream> {
  const lines = [
    `GET ${formatUdpTarget(options.target ?? options.proxy)} HTTP/1.1`,
    `Host: ${formatAuthority(options.proxy)}`,
    "Connection: Upgrade",
    "Upgrade: connect-udp",
    "Capsule-Protocol: ?1",
    `Via: ${options.via}`,
  ];
  return await ask(stream, { ...options, lines, isAccepted: (status) => status === 101 });
}

async function ask(
  stream: ByteStream,
  { lines, isAccepted, proxy: { url }, signal }: ProxyRequestOptions & {
    lines: readonly string[];
    isAccepted: (status: number) => boolean;
  },
): Promise<ByteStream> {
  try {
    const head = await abortable(exchange(stream, lines), signal);
    if (!isAccepted(head.status)) throw refusal(head, url);
    return streamAfter(head.rest, stream);
  } catch (error) {
    stream.close();
    if (!(error instanceof CodecError)) throw error;
    const message = `The proxy ${url} cannot be understood: ${error.message}`;
    throw new DialError("dial/proxy-failed", message, { cause: error });
  }
}

async function exchange(stream: ByteStream, lines: readonly string[]): Promise<ResponseHead> {
  await stream.write(utf8(`${lines.join("\r\n")}\r\n\r\n`));
  return await readResponseHead(stream);
}

function refusal({ status, headers }: ResponseHead, proxyUrl: string): DialError {
  const message = `The proxy ${proxyUrl} answered with ${status}`;
  if (status === 508 || /\bproxy_loop_detected\b/.test(headers.get("proxy-status") ?? "")) {
    return new DialError("dial/proxy-loop", message);
  }
  return new DialError(status >= 500 ? "dial/proxy-failed" : "dial/proxy-refused", message);
}
