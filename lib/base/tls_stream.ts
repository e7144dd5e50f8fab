import type { TLSSocket } from "node:tls";
import type { ByteStream } from "./byte_stream.ts";
import { nodeStream } from "./node_stream.ts";
import { StreamDuplex } from "./stream_duplex.ts";

/** A stream whose TLS handshake is over. */
export interface SecuredStream {
  /** Decrypted; closing it closes the stream below. */
  readonly stream: ByteStream;
  /** The protocol that both sides agreed on (RFC 7301); `null` when there is none. */
  readonly alpn: string | null;
}

/** So much that was decrypted and not read yet keeps more from being decrypted. */
const MAX_WAITING_BYTES = 256 * 1024;

/**
 * TLS by `node:tls` over a stream of ours, as a client. A socket of `node:tls` that has its own connection has no
 * backpressure and loses the end of a stream that is paused (Deno 2.9.6); so it is never paused, and gets no more to
 * decrypt while too much waits to be read.
 */
export class TlsStream implements ByteStream {
  readonly #raw: ByteStream;
  readonly #chunks: Uint8Array[] = [];
  #waiting = 0;
  #end: { readonly error: Error | null } | null = null;
  #wakeReader: () => void = () => {};
  #wakeTransport: () => void = () => {};
  #writer: ByteStream | null = null;

  /** Does nothing before {@link TlsStream.start}. @param raw owned from now on: closed with the stream */
  constructor(raw: ByteStream) {
    this.#raw = raw;
  }

  /**
   * Does the handshake.
   *
   * @param open makes the socket on its transport
   * @returns the socket, for what it knows of the other side
   */
  start(open: (transport: StreamDuplex) => TLSSocket): Promise<TLSSocket> {
    const transport = new StreamDuplex({
      read: (into) => this.#readRaw(into),
      write: (bytes) => this.#raw.write(bytes),
      closeWrite: () => this.#raw.closeWrite(),
      close: () => this.#raw.close(),
    });
    const socket = open(transport);
    this.#writer = nodeStream(socket);
    socket.on("data", (chunk: Uint8Array) => this.#arrived(chunk));
    return new Promise((resolve, reject) => {
      const finish = (error: Error | null) => {
        this.#end ??= { error };
        this.#wakeReader();
        reject(error ?? new Error("The connection was closed"));
      };
      socket.once("secureConnect", () => resolve(socket));
      socket.on("end", () => finish(null)).on("error", finish);
      socket.on("close", () => finish(new Error("The connection was closed")));
    });
  }

  async #readRaw(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    while (this.#waiting >= MAX_WAITING_BYTES) {
      await new Promise<void>((resolve) => this.#wakeTransport = resolve);
    }
    return await this.#raw.read(into);
  }

  #arrived(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#waiting += chunk.length;
    this.#wakeReader();
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    while (this.#chunks.length === 0) {
      if (this.#end !== null && this.#end.error !== null) throw this.#end.error;
      if (this.#end !== null) return null;
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
    }
    const first = this.#chunks[0]!;
    const count = Math.min(into.length, first.length);
    into.set(first.subarray(0, count));
    if (count < first.length) this.#chunks[0] = first.subarray(count);
    else this.#chunks.shift();
    this.#waiting -= count;
    if (this.#waiting < MAX_WAITING_BYTES) this.#wakeTransport();
    return count;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#started.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#started.closeWrite();
  }

  close(): void {
    this.#waiting = 0;
    this.#wakeTransport();
    this.#writer?.close();
    this.#raw.close();
  }

  get #started(): ByteStream {
    if (this.#writer === null) throw new TypeError("Cannot write as the handshake has not begun");
    return this.#writer;
  }
}
