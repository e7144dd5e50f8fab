import { abortable } from "../base/abortable.ts";
import { formatAuthority } from "../base/authority.ts";
import { CarrierError } from "../carrier/carrier_error.ts";
import { Http3Connection } from "../carrier/http3_connection.ts";
import type { Http3Stream } from "../carrier/http3_stream.ts";
import { formatUdpTarget } from "../codec/masque_target.ts";
import type { Field } from "../codec/qpack.ts";
import { reachError } from "./_reach_error.ts";
import { type Carrier, carrierFull, tunnelFields, type TunnelRequest } from "./carrier.ts";
import { ClientError } from "./client_error.ts";
import type { GatewayAddress } from "./gateway_address.ts";
import type { GatewayTrust } from "./gateway_trust.ts";
import { type AnswerHead, refusal, requestIdOf } from "./refusal.ts";

/** How to connect with QUIC. */
export interface Http3CarrierOptions {
  /** Which certificates are believed. */
  readonly trust: GatewayTrust;
  /** Gives up the attempt. */
  readonly signal: AbortSignal;
}

/** A connection on which nothing comes for so long is lost. */
const IDLE_TIMEOUT_MS = 15_000;
/** Keeps it, and the way through address translation, open. */
const KEEP_ALIVE_MS = 5_000;

/**
 * HTTP/3: one QUIC connection for all tunnels.
 *
 * @returns once the gateway has told its settings
 * @throws {ClientError} `client/no-carrier`: what `trust` asks for cannot be had with QUIC; `client/unreachable`,
 *   `client/tls-untrusted`, `client/timeout`, `client/cancelled`
 */
export async function http3Carrier(gateway: GatewayAddress, options: Http3CarrierOptions): Promise<Carrier> {
  const { trust, signal } = options;
  if (Deno.QuicEndpoint === undefined) throw unsuitable("this program was started without --unstable-net");
  if (!trust.verify) throw unsuitable("it always verifies certificates");
  if (trust.clientCertificate) throw unsuitable("it cannot show client certificates");
  const endpoint = new Deno.QuicEndpoint();
  try {
    signal.throwIfAborted();
    const conn = await abortable(dial(endpoint, gateway, trust), signal);
    const connection = Http3Connection.connect(conn);
    const { enableConnectProtocol, h3Datagram } = await abortable(connection.peerSettings, signal);
    const carriesUdp = enableConnectProtocol && h3Datagram;
    void connection.closed.then(() => endpoint.close());
    return new Http3Carrier(connection, { gateway, carriesUdp });
  } catch (error) {
    endpoint.close();
    throw reachError(signal.aborted ? signal.reason : error, gateway);
  }
}

async function dial(
  endpoint: Deno.QuicEndpoint,
  { host, port }: GatewayAddress,
  trust: GatewayTrust,
): Promise<Deno.QuicConn> {
  return await Deno.connectQuic({
    endpoint,
    hostname: host,
    port,
    alpnProtocols: ["h3"],
    caCerts: [...trust.caCerts],
    keepAliveInterval: KEEP_ALIVE_MS,
    maxIdleTimeout: IDLE_TIMEOUT_MS,
  });
}

function unsuitable(why: string): ClientError {
  return new ClientError("client/no-carrier", `Cannot use HTTP/3: ${why}`, {
    hint: "leave --carrier out, or try --carrier h2",
  });
}

class Http3Carrier implements Carrier {
  readonly name = "h3";
  readonly carriesUdp: boolean;
  readonly #gateway: GatewayAddress;
  readonly #connection: Http3Connection;
  #isFull = false;

  constructor(
    connection: Http3Connection,
    { gateway, carriesUdp }: { gateway: GatewayAddress; carriesUdp: boolean },
  ) {
    this.#connection = connection;
    this.#gateway = gateway;
    this.carriesUdp = carriesUdp;
  }

  get isOpen(): boolean {
    return !this.#isFull && !this.#connection.isClosed && !this.#connection.isGoingAway;
  }

  async openTcp(authority: string, request: TunnelRequest) {
    const { stream, head } = await this.#open([[":authority", authority]], { authority, request });
    return {
      read: (into: Uint8Array<ArrayBuffer>) => stream.read(into),
      write: (bytes: Uint8Array) => stream.write(bytes),
      closeWrite: () => stream.closeWrite(),
      close: () => stream.close(),
      requestId: requestIdOf(head),
      token: request.token,
    };
  }

  async openUdp(target: Parameters<Carrier["openUdp"]>[0], request: TunnelRequest) {
    const fields: Field[] = [
      [":protocol", "connect-udp"],
      [":scheme", "https"],
      [":authority", formatAuthority(this.#gateway)],
      [":path", formatUdpTarget(target)],
      ["capsule-protocol", "?1"],
    ];
    const { stream, head } = await this.#open(fields, { authority: formatAuthority(target), request });
    const flow = stream.datagrams!;
    // What comes on the stream itself is of no use, but its end is that of the flow.
    void drain(stream);
    return {
      get maxPayloadBytes() {
        return flow.maxPayloadBytes;
      },
      send: (payload: Uint8Array) => flow.send(payload),
      receive: (deliver: (payload: Uint8Array) => void) => flow.receive(deliver),
      close() {
        flow.close();
        stream.close();
      },
      requestId: requestIdOf(head),
      token: request.token,
    };
  }

  retire(): void {
    this.#isFull = true;
    if (this.#connection.openStreams === 0) this.close();
  }

  close(): void {
    this.#connection.close();
  }

  async #open(
    fields: readonly Field[],
    { authority, request }: { authority: string; request: TunnelRequest },
  ): Promise<{ stream: Http3Stream; head: AnswerHead }> {
    const { signal } = request;
    let stream: Http3Stream | null = null;
    try {
      signal.throwIfAborted();
      const all: Field[] = [[":method", "CONNECT"], ...fields, ...Object.entries(tunnelFields(request))];
      stream = await abortable(this.#connection.request(all), signal);
      void stream.gone.then(() => this.#isFull && this.retire());
      const { status, headers } = await abortable(stream.readAnswer(), signal);
      const head = { status, headers: new Map(headers.toReversed()) };
      if (status < 200 || status > 299) throw refusal(authority, head);
      return { stream, head };
    } catch (error) {
      stream?.close();
      if (error instanceof CarrierError && error.code === "carrier/too-many-streams") {
        this.#isFull = true;
        throw carrierFull(error);
      }
      throw reachError(signal.aborted ? signal.reason : error, this.#gateway);
    }
  }
}

async function drain(stream: Http3Stream): Promise<void> {
  const buffer = new Uint8Array(4 * 1024);
  try {
    while (await stream.read(buffer) !== null);
  } catch {
    // Whoever receives datagrams hears of it.
  }
}
