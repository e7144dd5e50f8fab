import type { IncomingMessage, ServerResponse } from "node:http";
import { abortable } from "../base/abortable.ts";
import { bodyReader } from "./body_reader.ts";
import { drained, settled } from "./settled.ts";
import type { Exchange, RawHeaders, ResponseHead } from "./exchange.ts";
import { fieldPairs, groupedFields } from "./raw_headers.ts";

/** An exchange over HTTP/1.1, or 1.0. */
export class Http1Exchange implements Exchange {
  /** {@inheritDoc Exchange.read} */
  readonly read: () => Promise<Uint8Array | null>;
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;
  readonly #gone = new AbortController();

  /** Nothing is read or sent yet. */
  constructor(incoming: IncomingMessage, outgoing: ServerResponse) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.read = bodyReader(incoming, () => !incoming.complete);
    outgoing.on("error", () => {});
    const { socket } = incoming;
    const gone = () => this.#gone.abort();
    // An answer that waits for those before it is not told that its connection is closed.
    socket.once("close", gone);
    outgoing.once("close", () => {
      socket.off("close", gone);
      gone();
    });
    if (outgoing.destroyed || socket.destroyed) gone();
  }

  /** {@inheritDoc Exchange.method} */
  get method(): string {
    return this.#incoming.method ?? "";
  }

  /** {@inheritDoc Exchange.headers} */
  get headers(): RawHeaders {
    return this.#incoming.rawHeaders;
  }

  /** {@inheritDoc Exchange.hasBody} */
  get hasBody(): boolean {
    const { headers } = this.#incoming;
    return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
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
    if (this.#incoming.httpVersion === "1.0" || status !== 103 || this.#outgoing.headersSent) return;
    const hints = groupedFields(headers);
    if (hints.link !== undefined) this.#outgoing.writeEarlyHints({ ...hints, link: hints.link });
  }

  /** {@inheritDoc Exchange.respond} */
  respond({ status, headers, isLast }: ResponseHead): void {
    this.#outgoing.writeHead(status, [...headers]);
    if (isLast) this.#outgoing.end();
    else this.#outgoing.flushHeaders();
  }

  /** {@inheritDoc Exchange.write} */
  async write(bytes: Uint8Array): Promise<void> {
    this.signal.throwIfAborted();
    if (!this.#outgoing.write(bytes)) await abortable(drained(this.#outgoing), this.signal);
  }

  /** {@inheritDoc Exchange.end} */
  async end(trailers: RawHeaders): Promise<void> {
    const outgoing = this.#outgoing;
    if (outgoing.writableFinished) return;
    if (trailers.length > 0) outgoing.addTrailers(fieldPairs(trailers));
    await abortable(settled(outgoing, (done) => outgoing.end(done)), this.signal);
  }

  /** {@inheritDoc Exchange.abort} */
  abort(): void {
    if (!this.#outgoing.writableFinished) this.#incoming.socket.destroy();
  }
}
