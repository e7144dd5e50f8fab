const MIN_BUFFER_BYTES = 4 * 1024;
const MAX_BUFFER_BYTES = 64 * 1024;

/** Reads one QUIC stream into a buffer that is used again. */
export class QuicReader {
  readonly #reader: ReadableStreamBYOBReader;
  #buffer = new ArrayBuffer(0);

  /** @param readable owned by the reader from now on */
  constructor(readable: Deno.QuicReceiveStream) {
    this.#reader = readable.getReader({ mode: "byob" });
  }

  /**
   * Waits for the next bytes.
   *
   * @param maxBytes at least 1
   * @returns at least one byte, until the next read; `null` at the end, or once it was cancelled
   * @throws {Deno.errors.ConnectionReset} when the peer has reset the stream, and others when the connection is lost
   */
  async read(maxBytes: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const size = Math.min(Math.max(maxBytes, MIN_BUFFER_BYTES), MAX_BUFFER_BYTES);
    if (this.#buffer.byteLength !== size) this.#buffer = new ArrayBuffer(size);
    const view = new Uint8Array(this.#buffer, 0, Math.min(maxBytes, size));
    const { value, done } = await this.#reader.read(view);
    if (value === undefined) return null;
    this.#buffer = value.buffer;
    return done ? null : value;
  }

  /** Tells the peer that nothing more is read (STOP_SENDING, with code 0: the platform has no other). Safe at any time. */
  cancel(): void {
    this.#reader.cancel().catch(() => {});
  }
}
