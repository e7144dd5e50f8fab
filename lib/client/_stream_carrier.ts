import { abortable } from "../base/abortable.ts";
import { formatAuthority } from "../base/authority.ts";
import type { DatagramFlow } from "../base/datagram_flow.ts";
import { capsuleFlow } from "../carrier/capsule_flow.ts";
import { CarrierError } from "../carrier/carrier_error.ts";
import type { MessageStream } from "../carrier/message_stream.ts";
import type { ResponseHead } from "../codec/http_fields.ts";
import { formatUdpTarget } from "../codec/masque_target.ts";
import type { Field } from "../codec/qpack.ts";
import { reachError } from "./_reach_error.ts";
import { type Carrier, carrierFull, type CarrierName, tunnelFields, type TunnelRequest } from "./carrier.ts";
import { type GatewayAddress } from "./gateway_address.ts";
import { type AnswerHead, refusal, requestIdOf } from "./refusal.ts";

/** A stream whose answer is to be read. */
interface AskingStream extends MessageStream {
  readAnswer(): Promise<ResponseHead>;
}

/** A connection of HTTP/2 or HTTP/3, as client. */
export interface StreamConnection {
  readonly isClosed: boolean;
  readonly isGoingAway: boolean;
  /** Whether the gateway takes no more requests before one of those under way is over; `false` also when that is not known. */
  readonly isFull: boolean;
  readonly openStreams: number;
  request(fields: readonly Field[]): Promise<AskingStream>;
  close(): void;
}

/** What is known of it. */
export interface StreamCarrierOptions {
  readonly name: CarrierName;
  readonly gateway: GatewayAddress;
  readonly carriesUdp: boolean;
}

/** One connection for all tunnels, each a stream. */
export class StreamCarrier implements Carrier {
  readonly name: CarrierName;
  readonly carriesUdp: boolean;
  readonly #gateway: GatewayAddress;
  readonly #connection: StreamConnection;
  #isRetired = false;

  /** @param connection owned by the carrier from now on */
  constructor(connection: StreamConnection, { name, gateway, carriesUdp }: StreamCarrierOptions) {
    this.#connection = connection;
    this.#gateway = gateway;
    this.name = name;
    this.carriesUdp = carriesUdp;
  }

  get isOpen(): boolean {
    const { isClosed, isGoingAway, isFull } = this.#connection;
    return !this.#isRetired && !isClosed && !isGoingAway && !isFull;
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
    const flow = stream.datagrams === null ? capsuleFlow(stream) : beside(stream, stream.datagrams);
    return Object.assign(flow, { requestId: requestIdOf(head), token: request.token });
  }

  retire(): void {
    this.#isRetired = true;
    if (this.#connection.openStreams === 0) this.close();
  }

  close(): void {
    this.#connection.close();
  }

  async #open(
    fields: readonly Field[],
    { authority, request }: { authority: string; request: TunnelRequest },
  ): Promise<{ stream: MessageStream; head: AnswerHead }> {
    const { signal } = request;
    let stream: AskingStream | null = null;
    try {
      signal.throwIfAborted();
      if (this.#connection.isFull) throw carrierFull();
      const all: Field[] = [[":method", "CONNECT"], ...fields, ...Object.entries(tunnelFields(request))];
      stream = await abortable(this.#connection.request(all), signal);
      void stream.gone.then(() => this.#isRetired && this.retire());
      const { status, headers } = await abortable(stream.readAnswer(), signal);
      const head = { status, headers: new Map(headers.toReversed()) };
      if (status < 200 || status > 299) throw refusal(authority, head);
      return { stream, head };
    } catch (error) {
      stream?.close();
      if (error instanceof CarrierError && error.code === "carrier/too-many-streams") {
        this.#isRetired = true;
        throw carrierFull(error);
      }
      throw reachError(signal.aborted ? signal.reason : error, this.#gateway);
    }
  }
}

/** The datagrams of a stream that carries nothing else: what comes on it is of no use, but its end is that of the flow. */
function beside(stream: MessageStream, datagrams: DatagramFlow): DatagramFlow {
  void drain(stream);
  return {
    get maxPayloadBytes() {
      return datagrams.maxPayloadBytes;
    },
    send: (payload) => datagrams.send(payload),
    receive: (deliver) => datagrams.receive(deliver),
    close() {
      datagrams.close();
      stream.close();
    },
  };
}

async function drain(stream: MessageStream): Promise<void> {
  const buffer = new Uint8Array(4 * 1024);
  try {
    while (await stream.read(buffer) !== null);
  } catch {
    // Whoever receives datagrams hears of it.
  }
}
