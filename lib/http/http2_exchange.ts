import { constants, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { bodyReader } from "./body_reader.ts";
import { drained, settled } from "./settled.ts";
import type { Exchange, RawHeaders, ResponseHead } from "./exchange.ts";
import { groupedFields, withoutPseudo } from "./raw_headers.ts";

/** The end of an answer is held back from a client that goes on sending, until it has sent nothing for so long. */
const END_WAIT_MS = 1000;
const MAX_END_WAITS = 30;

/** An exchange over one HTTP/2 stream. */
export class Http2Exchange implements Exchange {
  /** {@inheritDoc Exchange.read} */
  readonly read: () => Promise<Uint8Array | null>;
  /** {@inheritDoc Exchange.headers} */
  readonly headers: RawHeaders;
  readonly #incoming: Http2ServerRequest;
  readonly #outgoing: Http2ServerResponse;
  readonly #gone = new AbortController();
  #reads = 0;

  /** Nothing is read or sent yet. */
  constructor(incoming: Http2ServerRequest, outgoing: Http2ServerResponse) {
    const { stream } = outgoing;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.headers = withoutPseudo(incoming.rawHeaders);
    const read = bodyReader(incoming, () => incoming.aborted || (stream.rstCode ?? 0) !== 0);
    this.read = () => {
      this.#reads++;
      return read();
    };
    stream.on("error", () => {});
    stream.once("close", () => this.#gone.abort());
    if (stream.destroyed) this.#gone.abort();
  }

  /** {@inheritDoc Exchange.method} */
  get method(): string {
    return this.#incoming.method;
  }

  /** {@inheritDoc Exchange.hasBody} */
  get hasBody(): boolean {
    return !this.#outgoing.stream.endAfterHeaders;
  }

  /** {@inheritDoc Exchange.trailers} */
  get trailers(): RawHeaders {
    return this.#incoming.rawTrailers;
  }

  /** {@inheritDoc Exchange.signal} */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** {@inheritDoc Exchange.inform} */
  inform(status: number, headers: RawHeaders): void {
    const { stream } = this.#outgoing;
    if (!stream.destroyed && !stream.headersSent) stream.additionalHeaders(headOf(status, headers));
  }

  /** {@inheritDoc Exchange.respond} */
  respond({ status, headers, isLast }: ResponseHead): void {
    const { stream } = this.#outgoing;
    const send = () => {
      if (stream.destroyed) return;
      // The trailers are those of `#outgoing`, which answers for the stream when they are due.
      stream.respond(headOf(status, headers), { endStream: isLast, waitForTrailers: !isLast });
    };
    if (isLast && !this.#isRequestOver) void this.#requestOver().then(send).catch(() => this.abort());
    else send();
  }

  /** {@inheritDoc Exchange.write} */
  async write(bytes: Uint8Array): Promise<void> {
    const { stream } = this.#outgoing;
    if (stream.destroyed) throw new Error("The client has gone");
    if (!stream.write(bytes)) await drained(stream);
  }

  /** {@inheritDoc Exchange.end} */
  async end(trailers: RawHeaders): Promise<void> {
    const { stream } = this.#outgoing;
    if (stream.writableFinished) return;
    this.#outgoing.addTrailers(groupedFields(trailers));
    await this.#requestOver();
    await settled(stream, (done) => stream.end(done));
  }

  /** {@inheritDoc Exchange.abort} */
  abort(): void {
    const { stream } = this.#outgoing;
    if (!stream.destroyed && !stream.writableFinished) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  get #isRequestOver(): boolean {
    return !this.hasBody || this.#incoming.readableEnded || this.#outgoing.stream.destroyed;
  }

  /** The platform (Deno 2.9.6) does not say that an answer is over to a client that is still sending then. */
  async #requestOver(): Promise<void> {
    const over = new Promise<void>((resolve) => {
      for (const event of ["end", "close", "error"]) this.#incoming.once(event, () => resolve());
    });
    for (let waits = 0, before = -1; waits < MAX_END_WAITS && this.#reads !== before; waits++) {
      if (this.#isRequestOver) return;
      before = this.#reads;
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, END_WAIT_MS);
      await Promise.race([over, late]);
      clearTimeout(timer);
    }
  }
}

function headOf(status: number, headers: RawHeaders): Record<string, string | number | string[]> {
  return { ":status": status, ...groupedFields(headers) };
}
