import type { DatagramFlow } from "../base/datagram_flow.ts";
import { Http3Error, type Http3ErrorName } from "../codec/http3_error.ts";
import { RequestStreamDecoder } from "../codec/http3_frame.ts";
import { checkTrailers, parseResponseHead, type ResponseHead } from "../codec/http_fields.ts";
import { decodeFieldSection, type Field } from "../codec/qpack.ts";
import { CarrierError } from "./carrier_error.ts";
import type { MessageStream } from "./message_stream.ts";
import { QuicReader } from "./_quic_reader.ts";
import { StreamDatagrams } from "./_stream_datagrams.ts";
import { StreamWriter } from "./_stream_writer.ts";
import type { StreamHost } from "./stream_host.ts";

const HEAD_READ_BYTES = 4 * 1024;
/** Fields of one section: browsers send each cookie as one. */
const MAX_FIELDS = 1000;
/** Interim answers before the final one. */
const MAX_INTERIM = 16;
/** What ends the stream only; anything else ends the connection (RFC 9114 section 8). */
const STREAM_ERRORS: ReadonlySet<Http3ErrorName> = new Set<Http3ErrorName>([
  "H3_MESSAGE_ERROR",
  "H3_REQUEST_INCOMPLETE",
  "H3_EXCESSIVE_LOAD",
]);

/**
 * One request and its answer on an HTTP/3 connection (RFC 9114 section 4).
 *
 * Closing it says to the peer that nothing more is read (STOP_SENDING), and ends what is sent: the platform has no other
 * way to give a stream up.
 */
export class Http3Stream implements MessageStream {
  /** Of the QUIC stream. */
  readonly id: number;
  /** Settles when both directions have ended; never rejects. */
  readonly gone: Promise<void>;
  /** Only the end of the stream tells. */
  readonly hasContent = null;
  readonly #host: StreamHost;
  readonly #reader: QuicReader;
  readonly #writer: StreamWriter;
  readonly #decoder: RequestStreamDecoder;
  readonly #readEnded = Promise.withResolvers<void>();
  #sections: Uint8Array[] = [];
  /** Content that came along with a head. */
  #early: Uint8Array[] = [];
  #into: Uint8Array | null = null;
  #filled = 0;
  #left: number | null = null;
  #isTunnel = false;
  #isClosed = false;
  #datagrams: StreamDatagrams | null = null;
  #trailers: readonly Field[] = [];

  /** Takes over a stream of the platform. */
  constructor(bidi: Deno.QuicBidirectionalStream, host: StreamHost) {
    this.id = Number(bidi.readable.id);
    this.#host = host;
    const written = Promise.withResolvers<void>();
    this.#reader = new QuicReader(bidi.readable);
    this.#writer = new StreamWriter(bidi.writable, written.resolve);
    this.gone = Promise.all([this.#readEnded.promise, written.promise]).then(() => {});
    this.#decoder = new RequestStreamDecoder({
      headers: (section) => void this.#sections.push(section.slice()),
      data: (part) => this.#take(part),
    }, { peer: host.peer, maxSectionBytes: host.maxHeadBytes });
  }

  /** The datagrams of the request; `null` unless it is an extended CONNECT. To be closed with the stream. */
  get datagrams(): DatagramFlow | null {
    return this.#datagrams;
  }

  /** Whether anything was sent on it. */
  get hasSent(): boolean {
    return this.#writer.hasSent;
  }

  /** What came after the content, once that has been read. */
  get trailers(): readonly Field[] {
    return this.#trailers;
  }

  /**
   * States what kind of message is read, which bounds its content.
   *
   * @param kind `contentLength`: bytes of content, `null` when unknown; `isTunnel`: nothing but content may come any more
   * (RFC 9114 section 4.4); `hasDatagrams`: datagrams belong to it
   */
  expect(kind: { contentLength?: number | null; isTunnel?: boolean; hasDatagrams?: boolean }): void {
    this.#left = kind.contentLength ?? null;
    this.#isTunnel = kind.isTunnel ?? false;
    if (kind.hasDatagrams) this.#datagrams ??= new StreamDatagrams(this.id, this.#host.datagrams);
  }

  /** Reads the fields of the next message head. @throws {Http3Error} and {@link CarrierError} */
  readFields(): Promise<Field[]> {
    return this.#guard(async () => {
      while (this.#sections.length === 0) {
        if (await this.#pull(HEAD_READ_BYTES)) continue;
        this.#decoder.end();
        throw incomplete();
      }
      return this.#decode(this.#sections.shift()!);
    });
  }

  /** Reads the head of the final answer. @throws {Http3Error} and {@link CarrierError} */
  async readAnswer(): Promise<ResponseHead> {
    for (let count = 0; count <= MAX_INTERIM; count++) {
      const fields = await this.readFields();
      const head = await this.#guard(() => Promise.resolve(parseResponseHead(fields)));
      if (head.status >= 200) return head;
    }
    return await this.#guard(() => Promise.reject(tooMany("interim answers")));
  }

  /** Reads content; `null` after its end. @throws {Http3Error} and {@link CarrierError} */
  read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    return this.#guard(async () => {
      this.#into = into;
      this.#filled = 0;
      try {
        this.#giveEarly();
        while (this.#filled === 0) {
          if (this.#isTunnel && this.#sections.length > 0) throw afterConnect();
          if (!await this.#pull(into.length)) return this.#finish();
        }
      } finally {
        this.#into = null;
      }
      return this.#counted(this.#filled);
    });
  }

  /** Sends a message head, or trailers. @throws {CarrierError} */
  sendFields(fields: readonly Field[]): Promise<void> {
    return this.#writer.fields(fields);
  }

  /** Sends content. @throws {CarrierError} */
  write(bytes: Uint8Array): Promise<void> {
    return this.#writer.data(bytes);
  }

  /** Ends the message. @throws {CarrierError} */
  closeWrite(): Promise<void> {
    return this.#writer.end();
  }

  /** Reads no more; sending goes on. Safe to call twice. */
  stopReading(): void {
    this.#reader.cancel();
    this.#readEnded.resolve();
    this.#datagrams?.end();
  }

  /** Gives up the stream; pending reads and writes fail. What was written is still delivered. Safe to call twice. */
  close(): void {
    this.#isClosed = true;
    this.stopReading();
    this.#writer.close();
  }

  /**
   * Gives up the stream so that the peer finds its message broken, which the end of a tunnel cannot say. Safe to call
   * twice.
   */
  abort(): void {
    this.#writer.close({ broken: !this.#isTunnel });
    this.close();
  }

  /** Takes a QUIC datagram that was addressed to the stream. @returns whether it was taken */
  pushDatagram(datagram: Uint8Array): boolean {
    if (this.#isClosed) return false;
    if (this.#datagrams === null) {
      // A datagram for a request that has none ends that request (RFC 9297 section 2).
      this.abort();
      return false;
    }
    try {
      return this.#datagrams.push(datagram);
    } catch (error) {
      this.#datagrams.end(error);
      this.close();
      return false;
    }
  }

  async #pull(maxBytes: number): Promise<boolean> {
    const chunk = await this.#reader.read(maxBytes);
    if (this.#isClosed) throw closed();
    if (chunk !== null) this.#decoder.push(chunk);
    return chunk !== null;
  }

  #take(part: Uint8Array): void {
    if (this.#into === null) return void this.#early.push(part.slice());
    this.#into.set(part, this.#filled);
    this.#filled += part.length;
  }

  #giveEarly(): void {
    const first = this.#early.shift();
    if (first === undefined) return;
    const count = Math.min(first.length, this.#into!.length);
    this.#take(first.subarray(0, count));
    if (count < first.length) this.#early.unshift(first.subarray(count));
  }

  #counted(count: number): number {
    if (this.#left !== null && (this.#left -= count) < 0) throw wrongLength();
    return count;
  }

  #finish(): null {
    this.#decoder.end();
    if (this.#left !== null && this.#left > 0) throw wrongLength();
    const section = this.#sections.shift();
    if (section !== undefined) {
      const fields = this.#decode(section);
      checkTrailers(fields);
      this.#trailers = fields;
    }
    this.#readEnded.resolve();
    this.#datagrams?.end();
    return null;
  }

  #decode(section: Uint8Array): [string, string][] {
    return decodeFieldSection(section, { maxBytes: this.#host.maxHeadBytes, maxFields: MAX_FIELDS });
  }

  /** Ends the stream, and the connection where the rules say so, when reading fails. */
  async #guard<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw closed();
    try {
      return await work();
    } catch (error) {
      const failure = this.#failureOf(error);
      if (failure instanceof Http3Error && !STREAM_ERRORS.has(failure.http3Name)) this.#host.fail(failure);
      this.#datagrams?.end(failure);
      this.stopReading();
      throw failure;
    }
  }

  #failureOf(error: unknown): unknown {
    if (this.id >= this.#host.goawayId) return goingAway();
    if (error instanceof Http3Error || error instanceof CarrierError) return error;
    if (this.#isClosed || this.#host.isClosed) return closed();
    return new CarrierError("carrier/reset", "Cannot read as the peer gave up the stream", { cause: error });
  }
}

function closed(): CarrierError {
  return new CarrierError("carrier/closed", "Cannot read as the stream was closed");
}

function goingAway(): CarrierError {
  return new CarrierError("carrier/going-away", "Cannot have an answer as the peer takes no more requests");
}

function incomplete(): Http3Error {
  return new Http3Error("H3_REQUEST_INCOMPLETE", "Cannot read a message: the stream ended before it");
}

function wrongLength(): Http3Error {
  return new Http3Error("H3_MESSAGE_ERROR", "Cannot read a message: its length is not what it says");
}

function afterConnect(): Http3Error {
  return new Http3Error("H3_FRAME_UNEXPECTED", "Cannot take HEADERS after CONNECT");
}

function tooMany(what: string): Http3Error {
  return new Http3Error("H3_EXCESSIVE_LOAD", `Cannot read a message: there are too many ${what}`);
}
