import type { Clock } from "../base/clock.ts";
import { errorMessage } from "../base/errors.ts";
import { HTTP3_ERROR, Http3Error, type Http3ErrorName } from "../codec/http3_error.ts";
import { encodeGoawayFrame, encodeSettingsFrame, HTTP3_STREAM } from "../codec/http3_frame.ts";
import type { Http3Settings } from "../codec/http3_settings.ts";
import { datagramStreamId } from "../codec/http_datagram.ts";
import { parseRequestHead, type RequestHead } from "../codec/http_fields.ts";
import type { Field } from "../codec/qpack.ts";
import { encodeVarint } from "../codec/varint.ts";
import { CarrierError } from "./carrier_error.ts";
import { ConnectionDatagrams } from "./_datagrams.ts";
import { UnidirectionalStreams } from "./_unidirectional_streams.ts";
import { Http3Stream } from "./http3_stream.ts";
import type { StreamHost } from "./stream_host.ts";

const DEFAULT_MAX_HEAD_BYTES = 64 * 1024;

/** How a connection ended. */
export interface Http3End {
  /** The code it was closed with (RFC 9114 section 8.1); `null` when it was lost. */
  readonly code: number | null;
  /** The reason phrase that came with it, or why it was lost. */
  readonly reason: string;
}

/** How to be the server of a connection. */
export interface Http3ServerOptions {
  /** Receives each request whose head is valid, and closes its stream. Does not throw. */
  readonly onRequest: (head: RequestHead, stream: Http3Stream) => void;
  /** Learns of each request whose head is refused, and the status that it is answered with: 400, 408 or 431. */
  readonly onRefused?: (status: number) => void;
  /** Bytes of one request head, counted as RFC 9114 section 4.2.2 does. A longer one is answered 431. */
  readonly maxHeadBytes: number;
  /** A request head that takes longer is answered 408. */
  readonly headTimeoutMs: () => number;
  /** For that limit. */
  readonly clock: Clock;
}

/**
 * HTTP/3 on a QUIC connection (RFC 9114), either end of it: streams with requests, datagrams (RFC 9297), extended CONNECT
 * (RFC 9220). No dynamic table, no push. Whoever makes it closes it.
 */
export class Http3Connection {
  /** Settles when the connection has ended, by whichever end; never rejects. */
  readonly closed: Promise<Http3End>;
  /** What the peer says of itself; rejects when the connection ends before. */
  readonly peerSettings: Promise<Http3Settings>;
  readonly #conn: Deno.QuicConn;
  readonly #server: Http3ServerOptions | null;
  readonly #streams = new Map<number, Http3Stream>();
  readonly #settings = Promise.withResolvers<Http3Settings>();
  readonly #control: Promise<WritableStreamDefaultWriter<Uint8Array>>;
  readonly #host: StreamHost;
  #takesDatagrams = false;
  #closedWith: Http3End | null = null;
  #goawayId = Infinity;
  #nextId = 0;
  #isLeaving = false;
  #droppedDatagrams = 0;
  readonly #whenQuiet: (() => void)[] = [];

  private constructor(conn: Deno.QuicConn, server: Http3ServerOptions | null) {
    this.#conn = conn;
    this.#server = server;
    this.peerSettings = this.#settings.promise;
    this.peerSettings.catch(() => {});
    this.#host = this.#makeHost();
    this.closed = conn.closed.then(
      ({ closeCode: code, reason }) => this.#end({ code, reason }),
      (error) => this.#end({ code: null, reason: errorMessage(error) }),
    );
    this.#control = this.#openControl();
    this.#control.catch(() => {});
    void this.#acceptUnidirectional();
    void this.#acceptBidirectional();
    void this.#receiveDatagrams();
  }

  /** Serves a connection that was accepted. */
  static serve(conn: Deno.QuicConn, options: Http3ServerOptions): Http3Connection {
    return new Http3Connection(conn, options);
  }

  /** Becomes the client of a connection that was dialled. */
  static connect(conn: Deno.QuicConn): Http3Connection {
    return new Http3Connection(conn, null);
  }

  /** Streams with a request under way. */
  get openStreams(): number {
    return this.#streams.size;
  }

  /** Datagrams that came for no stream, or for one that had no room. */
  get droppedDatagrams(): number {
    return this.#droppedDatagrams;
  }

  /** Whether the connection has ended. */
  get isClosed(): boolean {
    return this.#closedWith !== null;
  }

  /** That the peer takes no more requests at once shows only when one is sent. */
  get isFull(): boolean {
    return false;
  }

  /** Whether the peer has said that it takes no more requests (RFC 9114 section 5.2). */
  get isGoingAway(): boolean {
    return this.#goawayId !== Infinity;
  }

  /**
   * Sends a request, as client.
   *
   * @param fields pseudo-header fields first
   * @returns the stream, whose answer is read next; the caller closes it
   * @throws {CarrierError} `carrier/closed`; `carrier/going-away`; `carrier/too-many-streams`: another connection may take
   * it; `carrier/unsupported`: the server does not offer extended CONNECT
   */
  async request(fields: readonly Field[]): Promise<Http3Stream> {
    if (this.#server !== null) throw new TypeError("Cannot send a request as a server");
    const isExtended = fields.some(([name]) => name === ":protocol");
    const isTunnel = fields.some(([name, value]) => name === ":method" && value === "CONNECT");
    if (isExtended && !(await this.peerSettings).enableConnectProtocol) {
      throw new CarrierError(
        "carrier/unsupported",
        "Cannot send the request: no extended CONNECT is offered",
      );
    }
    const stream = this.#adopt(await this.#openStream());
    stream.expect({ isTunnel, hasDatagrams: isExtended });
    try {
      await stream.sendFields(fields);
      return stream;
    } catch (error) {
      stream.close();
      throw error;
    }
  }

  /**
   * Takes no more requests, as server, and says so to the client (RFC 9114 section 5.2). Requests under way go on.
   *
   * @returns when none is under way any more
   */
  async drain(): Promise<void> {
    if (!this.#isLeaving) {
      this.#isLeaving = true;
      const goaway = encodeGoawayFrame(this.#nextId);
      this.#control.then((control) => control.write(goaway)).catch(() => {});
    }
    if (this.#streams.size > 0) await new Promise<void>((resolve) => this.#whenQuiet.push(resolve));
  }

  /** Closes the connection at once: what is not delivered yet is lost. Safe to call twice. */
  close(name: Http3ErrorName = "H3_NO_ERROR"): void {
    if (this.#closedWith !== null) return;
    this.#end({ code: HTTP3_ERROR[name], reason: "" });
    this.#conn.close({ closeCode: HTTP3_ERROR[name], reason: name });
  }

  #makeHost(): StreamHost {
    // deno-lint-ignore no-this-alias
    const connection = this;
    return {
      peer: this.#server === null ? "server" : "client",
      maxHeadBytes: this.#server?.maxHeadBytes ?? DEFAULT_MAX_HEAD_BYTES,
      datagrams: new ConnectionDatagrams(this.#conn, () => this.#takesDatagrams),
      get isClosed() {
        return connection.isClosed;
      },
      get goawayId() {
        return connection.#goawayId;
      },
      fail: (error) => this.close(error.http3Name),
    };
  }

  #end(end: Http3End): Http3End {
    if (this.#closedWith === null) {
      this.#closedWith = end;
      this.#settings.reject(closedError());
      for (const stream of this.#streams.values()) stream.close();
    }
    return this.#closedWith;
  }

  async #openControl(): Promise<WritableStreamDefaultWriter<Uint8Array>> {
    const control = (await this.#conn.createUnidirectionalStream({ waitUntilAvailable: true })).getWriter();
    control.closed.catch(() => {});
    const settings = encodeSettingsFrame({
      maxFieldSectionBytes: this.#host.maxHeadBytes,
      enableConnectProtocol: this.#server !== null,
      h3Datagram: true,
    });
    await control.write(encodeVarint(HTTP3_STREAM.control));
    await control.write(settings);
    return control;
  }

  async #acceptUnidirectional(): Promise<void> {
    const streams = new UnidirectionalStreams({
      peer: this.#host.peer,
      control: {
        settings: (settings) => this.#onSettings(settings),
        goaway: (id) => this.#onGoaway(id),
      },
      onError: this.#host.fail,
    });
    for await (const readable of quietly(this.#conn.incomingUnidirectionalStreams)) {
      void streams.read(readable);
    }
  }

  async #acceptBidirectional(): Promise<void> {
    for await (const bidi of quietly(this.#conn.incomingBidirectionalStreams)) {
      if (this.#server === null) return this.close("H3_STREAM_CREATION_ERROR");
      void this.#serveStream(bidi, this.#server);
    }
  }

  async #receiveDatagrams(): Promise<void> {
    try {
      for (;;) this.#onDatagram(await this.#conn.readDatagram());
    } catch (error) {
      if (error instanceof Http3Error) this.close(error.http3Name);
    }
  }

  #onDatagram(datagram: Uint8Array): void {
    const stream = this.#streams.get(datagramStreamId(datagram));
    if (!stream?.pushDatagram(datagram)) this.#droppedDatagrams++;
  }

  #onSettings(settings: Http3Settings): void {
    // Who promises datagrams of HTTP must take those of QUIC (RFC 9297 section 2.1.1).
    if (settings.h3Datagram && this.#conn.maxDatagramSize === 0) return this.close("H3_SETTINGS_ERROR");
    this.#takesDatagrams = settings.h3Datagram;
    this.#settings.resolve(settings);
  }

  #onGoaway(id: number): void {
    // A client's says which pushes it takes: there are none.
    if (this.#server !== null) return;
    this.#goawayId = id;
    for (const stream of this.#streams.values()) if (stream.id >= id) stream.stopReading();
  }

  async #openStream(): Promise<Deno.QuicBidirectionalStream> {
    if (this.isClosed) throw closedError();
    if (this.isGoingAway) {
      throw new CarrierError("carrier/going-away", "Cannot send the request: the server takes no more");
    }
    try {
      return await this.#conn.createBidirectionalStream();
    } catch (cause) {
      if (this.isClosed || !(cause instanceof RangeError)) throw closedError(cause);
      throw new CarrierError("carrier/too-many-streams", "Cannot send the request: too many are under way", {
        cause,
      });
    }
  }

  #adopt(bidi: Deno.QuicBidirectionalStream): Http3Stream {
    const stream = new Http3Stream(bidi, this.#host);
    this.#streams.set(stream.id, stream);
    void stream.gone.then(() => {
      this.#streams.delete(stream.id);
      if (this.#streams.size === 0) this.#whenQuiet.splice(0).forEach((resolve) => resolve());
    });
    return stream;
  }

  /** @returns `null` when the platform knows the stream no more: a client may give it up at once */
  #accept(bidi: Deno.QuicBidirectionalStream): Http3Stream | null {
    try {
      return this.#adopt(bidi);
    } catch {
      return null;
    }
  }

  async #serveStream(bidi: Deno.QuicBidirectionalStream, server: Http3ServerOptions): Promise<void> {
    const stream = this.#accept(bidi);
    if (stream === null) return;
    if (this.#isLeaving && stream.id >= this.#nextId) return stream.close();
    this.#nextId = Math.max(this.#nextId, stream.id + 4);
    const head = await this.#readHead(stream, server);
    if (head === null) return;
    const { method, protocol, contentLength } = head;
    stream.expect({ contentLength, isTunnel: method === "CONNECT", hasDatagrams: protocol !== null });
    server.onRequest(head, stream);
  }

  /** Answers by itself when there is no valid head in time. */
  async #readHead(stream: Http3Stream, server: Http3ServerOptions): Promise<RequestHead | null> {
    const refuse = async (status: number) => {
      server.onRefused?.(status);
      await answer(stream, status);
    };
    using _timeout = server.clock.timer(server.headTimeoutMs(), () => void refuse(408));
    try {
      return parseRequestHead(await stream.readFields());
    } catch (error) {
      if (error instanceof Http3Error && error.http3Name !== "H3_REQUEST_INCOMPLETE") {
        await refuse(error.http3Name === "H3_EXCESSIVE_LOAD" ? 431 : 400);
      }
      stream.close();
      return null;
    }
  }
}

async function answer(stream: Http3Stream, status: number): Promise<void> {
  await stream.sendFields([[":status", String(status)], ["content-length", "0"]]).catch(() => {});
  stream.close();
}

/** Ends where the connection ends, which is noticed elsewhere. */
async function* quietly<T>(streams: ReadableStream<T>): AsyncGenerator<T> {
  try {
    yield* streams;
  } catch {
    // The connection was lost.
  }
}

function closedError(cause?: unknown): CarrierError {
  return new CarrierError("carrier/closed", "Cannot go on as the connection was closed", { cause });
}
