import type { MessageStream } from "../carrier/message_stream.ts";
import type { RequestHead } from "../codec/http_fields.ts";
import type { Field } from "../codec/qpack.ts";
import type { Exchange, RawHeaders, ResponseHead } from "./exchange.ts";
import { fieldPairs } from "./raw_headers.ts";

const READ_BYTES = 16 * 1024;

/** An exchange over one stream of HTTP/2 or HTTP/3. */
export class StreamExchange implements Exchange {
  /** {@inheritDoc Exchange.method} */
  readonly method: string;
  /** {@inheritDoc Exchange.headers} */
  readonly headers: RawHeaders;
  /** {@inheritDoc Exchange.hasBody} */
  readonly hasBody: boolean;
  readonly #stream: MessageStream;
  readonly #read: MessageStream["read"];
  readonly #gone = new AbortController();
  readonly #buffer = new Uint8Array(READ_BYTES);
  #sent: Promise<void> = Promise.resolve();

  /** Nothing is read or sent yet. */
  constructor(head: RequestHead, stream: MessageStream) {
    this.#stream = stream;
    this.#read = contentReader(head, stream);
    this.method = head.method;
    this.headers = head.headers.flat();
    this.hasBody = stream.hasContent ?? mayHaveBody(head);
    void stream.gone.then(() => this.#gone.abort());
  }

  /** {@inheritDoc Exchange.trailers} */
  get trailers(): RawHeaders {
    return this.#stream.trailers.flat();
  }

  /** {@inheritDoc Exchange.signal} */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** {@inheritDoc Exchange.read} */
  async read(): Promise<Uint8Array | null> {
    const count = await this.#read(this.#buffer).catch((error) => this.#broken(error));
    return count === null ? null : this.#buffer.slice(0, count);
  }

  /** {@inheritDoc Exchange.inform} */
  inform(status: number, headers: RawHeaders): void {
    this.#send(headOf(status, headers));
  }

  /** {@inheritDoc Exchange.respond} */
  respond({ status, headers, isLast }: ResponseHead): void {
    this.#send(headOf(status, headers));
    if (isLast) this.end([]).catch(() => {});
  }

  /** {@inheritDoc Exchange.write} */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#sent;
    await this.#stream.write(bytes).catch((error) => this.#broken(error));
  }

  /** {@inheritDoc Exchange.end} */
  async end(trailers: RawHeaders): Promise<void> {
    if (trailers.length > 0) this.#send(fieldsOf(trailers));
    await this.#sent;
    await this.#stream.closeWrite();
    this.#stream.stopReading();
  }

  /** {@inheritDoc Exchange.abort} */
  abort(): void {
    this.#stream.abort();
  }

  #send(fields: readonly Field[]): void {
    this.#sent = this.#sent.then(() => this.#stream.sendFields(fields));
    this.#sent.catch(() => this.#gone.abort());
  }

  #broken(error: unknown): never {
    this.#gone.abort();
    throw error;
  }
}

/** Reads the content of a request; a client that asked for it is told to go on at the first call (RFC 9110 section 10.1.1). */
export function contentReader(head: RequestHead, stream: MessageStream): MessageStream["read"] {
  let isAwaited = head.headers.some(([name, value]) =>
    name === "expect" && value.toLowerCase() === "100-continue"
  );
  return async (into) => {
    if (isAwaited && !stream.hasSent) await stream.sendFields([[":status", "100"]]);
    isAwaited = false;
    return await stream.read(into);
  };
}

/** Whether content may follow a request head. Nobody gives a GET content without saying how long it is. */
function mayHaveBody({ method, contentLength }: RequestHead): boolean {
  return contentLength === null ? method !== "GET" && method !== "HEAD" : contentLength > 0;
}

function headOf(status: number, headers: RawHeaders): Field[] {
  return [[":status", String(status)], ...fieldsOf(headers)];
}

/** Names are in lower case (RFC 9113 section 8.2, RFC 9114 section 4.2). */
function fieldsOf(headers: RawHeaders): Field[] {
  return fieldPairs(headers).map(([name, value]) => [name.toLowerCase(), value]);
}
