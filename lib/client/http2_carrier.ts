import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from "node:http2";
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { abortable } from "../base/abortable.ts";
import { formatAuthority } from "../base/authority.ts";
import type { ByteStream } from "../base/byte_stream.ts";
import { nodeStream } from "../base/node_stream.ts";
import { StreamDuplex } from "../base/stream_duplex.ts";
import { capsuleFlow } from "../carrier/capsule_flow.ts";
import { GoawayFilter } from "../codec/goaway_filter.ts";
import { formatUdpTarget } from "../codec/masque_target.ts";
import { reachError } from "./_reach_error.ts";
import { type Carrier, carrierFull, tunnelFields, type TunnelRequest } from "./carrier.ts";
import { type GatewayAddress, gatewayOrigin } from "./gateway_address.ts";
import { type AnswerHead, refusal, requestIdOf } from "./refusal.ts";

/** Large enough that one tunnel is not held up on a long path (RFC 9113 section 5.2). */
const STREAM_WINDOW_BYTES = 1024 * 1024;
const SESSION_WINDOW_BYTES = 8 * 1024 * 1024;

/**
 * HTTP/2: one connection for all tunnels.
 *
 * @param stream on which TLS has agreed on `h2`; the carrier owns it from now on
 * @returns once the gateway has told its settings
 * @throws {ClientError} `client/unreachable`, `client/timeout`, `client/cancelled`
 */
export async function http2Carrier(
  stream: ByteStream,
  { gateway, signal }: { gateway: GatewayAddress; signal: AbortSignal },
): Promise<Carrier> {
  const carrier = new Http2Carrier(stream, gateway);
  try {
    await abortable(carrier.ready, signal);
    return carrier;
  } catch (error) {
    carrier.close();
    throw reachError(signal.aborted ? signal.reason : error, gateway);
  }
}

class Http2Carrier implements Carrier {
  readonly name = "h2";
  /** Settles with the settings of the gateway. */
  readonly ready: Promise<void>;
  readonly #gateway: GatewayAddress;
  readonly #session: ClientHttp2Session;
  #isLeaving = false;
  #streams = 0;

  constructor(stream: ByteStream, gateway: GatewayAddress) {
    const filter = new GoawayFilter({ from: "server", onGoaway: () => this.#isLeaving = true });
    const duplex = new StreamDuplex(stream, { filter });
    this.#gateway = gateway;
    this.#session = connectHttp2(gatewayOrigin(gateway), {
      createConnection: () => duplex,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
    });
    this.ready = new Promise((resolve, reject) => {
      this.#session.once("remoteSettings", () => resolve());
      this.#session.once("close", () => reject(new Error("the connection was closed")));
      this.#session.on("error", reject);
    });
    this.#session.once("connect", () => this.#session.setLocalWindowSize?.(SESSION_WINDOW_BYTES));
  }

  get isOpen(): boolean {
    const { closed, destroyed } = this.#session;
    return !this.#isLeaving && !this.#isFull && !closed && !destroyed;
  }

  get #isFull(): boolean {
    return this.#streams >= (this.#session.remoteSettings.maxConcurrentStreams ?? Infinity);
  }

  get carriesUdp(): boolean {
    return this.#session.remoteSettings.enableConnectProtocol === true;
  }

  async openTcp(authority: string, request: TunnelRequest) {
    const { stream, head } = await this.#open({ ":authority": authority }, { authority, request });
    return { ...stream, requestId: requestIdOf(head), token: request.token };
  }

  async openUdp(target: Parameters<Carrier["openUdp"]>[0], request: TunnelRequest) {
    const fields = {
      ":protocol": "connect-udp",
      ":scheme": "https",
      ":authority": formatAuthority(this.#gateway),
      ":path": formatUdpTarget(target),
      "capsule-protocol": "?1",
    };
    const { stream, head } = await this.#open(fields, { authority: formatAuthority(target), request });
    return Object.assign(capsuleFlow(stream), { requestId: requestIdOf(head), token: request.token });
  }

  retire(): void {
    this.#isLeaving = true;
    if (this.#streams === 0) this.close();
  }

  close(): void {
    this.#session.destroy();
  }

  #forget(): void {
    this.#streams--;
    if (this.#isLeaving && this.#streams === 0) this.close();
  }

  async #open(
    fields: OutgoingHttpHeaders,
    { authority, request }: { authority: string; request: TunnelRequest },
  ): Promise<{ stream: ByteStream; head: AnswerHead }> {
    const { signal } = request;
    let stream: ClientHttp2Stream | null = null;
    try {
      signal.throwIfAborted();
      // The platform would let the request wait for another tunnel to end.
      if (this.#isFull) throw carrierFull();
      stream = this.#session.request({ ":method": "CONNECT", ...fields, ...tunnelFields(request) }, {
        endStream: false,
      });
      this.#streams++;
      stream.once("close", () => this.#forget());
      const head = await abortable(answerTo(stream), signal);
      if (head.status < 200 || head.status > 299) throw refusal(authority, head);
      return { stream: nodeStream(stream), head };
    } catch (error) {
      stream?.on("error", () => {}).close();
      throw reachError(signal.aborted ? signal.reason : error, this.#gateway);
    }
  }
}

function answerTo(stream: ClientHttp2Stream): Promise<AnswerHead> {
  return new Promise((resolve, reject) => {
    stream.once("response", (fields) => resolve(headOf(fields)));
    stream.once("error", reject);
    stream.once("close", () => reject(new Error("the request was closed without an answer")));
  });
}

function headOf(fields: IncomingHttpHeaders): AnswerHead {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === "string" && !name.startsWith(":")) headers.set(name, value);
  }
  return { status: Number(fields[":status"]), headers };
}
