import { STATUS_CODES } from "node:http";
import { Http1Body } from "../codec/http1_body.ts";
import { CodecError } from "../codec/codec_error.ts";
import { chunkHead, http1Head, lastChunk } from "../codec/http1_encode.ts";
import type { Http1RequestHead } from "../codec/http1_request_head.ts";
import type { Exchange, RawHeaders, ResponseHead } from "./exchange.ts";
import type { Http1Input } from "./http1_input.ts";
import type { Http1Output } from "./http1_output.ts";

/** The connection that an exchange is on. */
export interface Http1Carrier {
  /** What comes. */
  readonly input: Http1Input;
  /** What goes. */
  readonly output: Http1Output;
  /** Breaks it. */
  readonly close: () => void;
}

/** How the body of an answer is framed: by a length of which so much is left, by chunks, by the end; or there is none. */
type Framing = { left: number } | "chunks" | "close" | "none";

/** An exchange over HTTP/1.1, or 1.0. */
export class Http1Exchange implements Exchange {
  /** {@inheritDoc Exchange.method} */
  readonly method: string;
  /** {@inheritDoc Exchange.headers} */
  readonly headers: RawHeaders;
  /** {@inheritDoc Exchange.hasBody} */
  readonly hasBody: boolean;
  /** Whether another request may follow; it turns `false` with an answer that ends with its connection. */
  keepsAlive: boolean;
  readonly #head: Http1RequestHead;
  readonly #body: Http1Body;
  readonly #carrier: Http1Carrier;
  readonly #gone = new AbortController();
  #isAwaited: boolean;
  #framing: Framing | null = null;
  #isOver = false;
  #ending: Promise<void> | null = null;

  /** Nothing is read or sent yet. */
  constructor(head: Http1RequestHead, carrier: Http1Carrier) {
    this.#head = head;
    this.#carrier = carrier;
    this.#body = new Http1Body(head.framing);
    this.method = head.method;
    this.headers = head.fields;
    this.hasBody = !this.#body.isOver;
    this.keepsAlive = head.keepsAlive;
    this.#isAwaited = head.expectsContinue && head.version === "1.1";
  }

  /** From now on a client that goes away aborts the signal, as far as that can be noticed while its body is to be read. */
  watch(): void {
    if (this.isReceived) this.#watch();
  }

  /** {@inheritDoc Exchange.trailers} */
  get trailers(): RawHeaders {
    return this.#body.trailers;
  }

  /** {@inheritDoc Exchange.signal} */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** Whether the answer was sent whole. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether the request has come whole. */
  get isReceived(): boolean {
    return this.#body.isOver;
  }

  /** {@inheritDoc Exchange.read} */
  async read(): Promise<Uint8Array | null> {
    const { input, output } = this.#carrier;
    if (this.#isAwaited && this.#framing === null) {
      output.put("HTTP/1.1 100 Continue\r\n\r\n");
      this.#send();
    }
    this.#isAwaited = false;
    try {
      const piece = await input.read(this.#body);
      if (piece === null) this.#watch();
      return piece;
    } catch (error) {
      // Who reads is to say what is wrong with it.
      if (error instanceof CodecError) this.keepsAlive = false;
      else this.#leave();
      throw error;
    }
  }

  /** Drops what has come of the body already. @throws {CodecError} when that is no body */
  discard(): void {
    while (this.#carrier.input.take(this.#body) !== null);
  }

  /** {@inheritDoc Exchange.inform} */
  inform(status: number, headers: RawHeaders): void {
    if (this.#head.version === "1.0" || this.#framing !== null) return;
    this.#carrier.output.put(http1Head(statusLine(status), headers));
    this.#send();
  }

  /** {@inheritDoc Exchange.respond} */
  respond({ status, headers, isLast, more = false }: ResponseHead): void {
    if (this.#framing !== null) throw new TypeError("An exchange has one answer");
    const fields = [...headers];
    this.#framing = this.#frame(fields, { status, isLast });
    if (!this.keepsAlive) fields.push("connection", "close");
    this.#carrier.output.put(http1Head(statusLine(status), fields));
    if (isLast) this.#ending = this.end([]).catch(() => this.#leave());
    else if (!more) this.#send();
  }

  /** {@inheritDoc Exchange.write} */
  async write(bytes: Uint8Array, { more = false }: { more?: boolean } = {}): Promise<void> {
    this.signal.throwIfAborted();
    const { output } = this.#carrier;
    const framing = this.#framing;
    if (framing === "none" || bytes.length === 0) return;
    if (typeof framing === "object" && framing !== null && (framing.left -= bytes.length) < 0) {
      throw new Error("An answer is longer than it said");
    }
    try {
      if (framing === "chunks") output.put(chunkHead(bytes.length));
      await output.write(bytes, { more: more || framing === "chunks" });
      if (framing !== "chunks") return;
      output.put("\r\n");
      if (!more) await output.flush();
    } catch (error) {
      // It is the client who has gone, which may not have been read yet.
      this.#leave();
      throw error;
    }
  }

  /** {@inheritDoc Exchange.end} */
  async end(trailers: RawHeaders): Promise<void> {
    if (this.#isOver) return;
    this.signal.throwIfAborted();
    const framing = this.#framing;
    if (framing === "chunks") this.#carrier.output.put(lastChunk(trailers));
    else if (typeof framing === "object" && framing?.left !== 0) {
      throw new Error("An answer is shorter than it said");
    }
    try {
      await this.#carrier.output.flush();
    } catch (error) {
      this.#leave();
      throw error;
    }
    this.#isOver = true;
  }

  /** Waits until an answer without body is sent, or cannot be. */
  async settled(): Promise<void> {
    await this.#ending;
  }

  /** {@inheritDoc Exchange.abort} */
  abort(): void {
    if (!this.#isOver) this.#leave();
  }

  /** Decides on the framing, and puts the fields that say so behind the others. */
  #frame(fields: string[], { status, isLast }: { status: number; isLast: boolean }): Framing {
    let length: string | null = null;
    let hasDate = false;
    for (let i = fields.length - 2; i >= 0; i -= 2) {
      const lower = fields[i]!.toLowerCase();
      if (lower === "date") hasDate = true;
      if (lower !== "content-length") continue;
      if (length !== null) throw new TypeError("An answer has one length");
      length = fields[i + 1]!;
      // It has none (RFC 9110 section 8.6).
      if (status === 204) fields.splice(i, 2);
    }
    if (!hasDate) fields.push("date", new Date().toUTCString());
    if (this.method === "HEAD" || status === 204 || status === 304) return "none";
    if (length === null && isLast) fields.push("content-length", length = "0");
    if (length !== null) return { left: Number(length) };
    if (this.#head.version === "1.1") {
      fields.push("transfer-encoding", "chunked");
      return "chunks";
    }
    this.keepsAlive = false;
    return "close";
  }

  #send(): void {
    this.#carrier.output.flush().catch(() => this.#leave());
  }

  /** A client that goes away is noticed by reading. What it sends ahead is kept, as much as there is room for. */
  #watch(): void {
    const { input } = this.#carrier;
    if (input.isFull) return this.#leave();
    input.fill().then((isOpen) => {
      if (this.#isOver) return;
      if (isOpen) this.#watch();
      else this.#leave();
    }, () => this.#leave());
  }

  #leave(): void {
    this.#carrier.close();
    this.#gone.abort();
  }
}

function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`;
}
