import { chunkHead, lastChunk } from "../../codec/http1_encode.ts";
import type { BodySink } from "./_body_pump.ts";
import type { ServiceConnection } from "./http1_connections.ts";

/** How a body is sent. */
export interface Http1SinkOptions {
  /** By chunks; otherwise a length was said. */
  readonly isChunked: boolean;
  /** Complete at the end of the body; only chunks may have any. */
  readonly trailers: () => readonly string[];
  /** Called when all of it is on its way. */
  readonly onSent: () => void;
}

/** The body of a request on a connection of HTTP/1.1. */
export class Http1Sink implements BodySink {
  readonly #connection: ServiceConnection;
  readonly #options: Http1SinkOptions;
  #isBroken = false;

  /** Nothing is sent yet. */
  constructor(connection: ServiceConnection, options: Http1SinkOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** {@inheritDoc BodySink.isClosed} */
  get isClosed(): boolean {
    return this.#isBroken || this.#connection.isClosed;
  }

  /** {@inheritDoc BodySink.write} */
  async write(bytes: Uint8Array): Promise<void> {
    const { output } = this.#connection;
    const { isChunked } = this.#options;
    try {
      if (isChunked) output.put(chunkHead(bytes.length));
      await output.write(bytes, { more: isChunked });
      if (!isChunked) return;
      output.put("\r\n");
      await output.flush();
    } catch {
      // It may have answered before.
      this.#isBroken = true;
    }
  }

  /** {@inheritDoc BodySink.end} */
  async end(): Promise<void> {
    const { output } = this.#connection;
    if (this.#options.isChunked) output.put(lastChunk(this.#options.trailers()));
    await output.flush();
    this.#options.onSent();
  }

  /** {@inheritDoc BodySink.abort} */
  abort(): void {
    this.#connection.close();
  }
}
