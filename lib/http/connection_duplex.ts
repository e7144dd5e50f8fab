import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { ByteStream } from "../base/byte_stream.ts";
import { concatBytes } from "../base/bytes.ts";
import { GoawayFilter } from "./goaway_filter.ts";
import type { Connection, ConnectionFacts } from "../base/connection.ts";

const MIN_READ_BYTES = 4 * 1024;
const MAX_READ_BYTES = 64 * 1024;

/**
 * A connection as the `node:stream` duplex that the platform's HTTP parsers take. After CONNECT the bytes leave the HTTP
 * layer: {@link ConnectionDuplex.detach} gives the connection back.
 */
export class ConnectionDuplex extends Duplex {
  /** What the acceptor knows of the connection. */
  readonly facts: ConnectionFacts;
  /** Called at each arrival of bytes. */
  onBytes: () => void = () => {};
  readonly #stream: ByteStream;
  readonly #goaway: GoawayFilter | null;
  #buffer = new Uint8Array(MIN_READ_BYTES);
  #pending: Promise<number | null> | null = null;
  #detached = false;

  /** The duplex itself, also when it is seen through the proxy of an HTTP/2 session. */
  readonly self: ConnectionDuplex = this;

  // What the HTTP parsers ask of a socket.
  /** Says that the request came over TLS. */
  readonly encrypted = true;
  /** IP address of the client. */
  readonly remoteAddress: string;
  /** Port of the client. */
  readonly remotePort: number;

  /**
   * Takes over a connection.
   *
   * @param connection owned by the duplex until it is detached: destroying the duplex closes it
   */
  constructor(connection: Connection) {
    super({ allowHalfOpen: true });
    this.facts = connection.facts;
    this.remoteAddress = connection.facts.peer.address;
    this.remotePort = connection.facts.peer.port;
    this.#stream = connection.stream;
    this.#goaway = connection.facts.alpn === "h2" ? new GoawayFilter() : null;
  }

  /** Part of a socket; our own timers limit a connection. */
  setTimeout(): this {
    return this;
  }

  /** Part of a socket; nothing to do. */
  setNoDelay(): this {
    return this;
  }

  /** Part of a socket; nothing to do. */
  setKeepAlive(): this {
    return this;
  }

  /** Part of a socket; nothing to do. */
  ref(): this {
    return this;
  }

  /** Part of a socket; nothing to do. */
  unref(): this {
    return this;
  }

  /**
   * Takes the connection out of the HTTP layer.
   *
   * @param head bytes that the HTTP parser had read beyond its message; the stream gives them out first
   * @returns the connection, which the caller closes
   */
  detach(head: Uint8Array): ByteStream {
    this.#detached = true;
    const early: Uint8Array[] = head.length > 0 ? [head] : [];
    for (let chunk = this.read() as Uint8Array | null; chunk !== null; chunk = this.read()) early.push(chunk);
    const stream = this.#stream;
    const buffer = this.#buffer;
    let pending = this.#pending;
    return {
      async read(into) {
        if (early.length === 0 && pending !== null) {
          const count = await pending;
          pending = null;
          if (count === null) return null;
          early.push(buffer.slice(0, count));
        }
        const first = early.shift();
        if (first === undefined) return await stream.read(into);
        const count = Math.min(into.length, first.length);
        into.set(first.subarray(0, count));
        if (count < first.length) early.unshift(first.subarray(count));
        return count;
      },
      write: (bytes) => stream.write(bytes),
      closeWrite: () => stream.closeWrite(),
      close: () => stream.close(),
    };
  }

  /** Waits for bytes of the connection, one read at a time, and pushes them. */
  override _read(): void {
    if (this.#pending !== null || this.#detached) return;
    this.#pending = this.#stream.read(this.#buffer);
    this.#pending.then((count) => {
      if (this.#detached) return;
      this.#pending = null;
      this.onBytes();
      const bytes = count === null ? null : this.#received(this.#buffer.subarray(0, count));
      if (count === this.#buffer.length && count < MAX_READ_BYTES) this.#buffer = new Uint8Array(count * 2);
      if (bytes?.length === 0) return this._read();
      this.push(bytes);
      // Nothing goes on after the end of an HTTP/2 connection, whose session would wait for it.
      if (bytes === null && this.#goaway !== null) this.destroy();
    }, (error) => {
      if (!this.#detached) this.destroy(error);
    });
  }

  #received(bytes: Uint8Array): Buffer {
    return Buffer.from(this.#goaway === null ? bytes : this.#goaway.push(bytes));
  }

  /** Sends one chunk; `done` once the connection has taken it. */
  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#stream.write(chunk).then(() => done(), done);
  }

  /**
   * Everything that waits goes out in one piece: one TLS record instead of many, and one segment, which matters because
   * the platform leaves Nagle's algorithm on for accepted TLS sockets.
   */
  override _writev(
    chunks: { chunk: Uint8Array; encoding: string }[],
    done: (error?: Error | null) => void,
  ): void {
    this._write(
      chunks.length === 1 ? chunks[0]!.chunk : concatBytes(chunks.map(({ chunk }) => chunk)),
      "",
      done,
    );
  }

  /** Says that no more bytes will be sent (FIN); does nothing once detached. */
  override _final(done: (error?: Error | null) => void): void {
    if (this.#detached) return done();
    this.#stream.closeWrite().then(() => done(), () => done());
  }

  /** Closes the connection, unless it is detached: then it belongs to whoever has it. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#detached) this.#stream.close();
    done(error);
  }
}
