/**
 * A connection that carries bytes both ways: a TLS or TCP socket, one HTTP/2 stream, a channel. Whoever opens
 * it closes it.
 */
export interface ByteStream {
  /**
   * Waits for bytes from the peer.
   *
   * @param into at least one byte long; filled from its start
   * @returns how many bytes were written to `into` (1 or more), or `null` once the peer has finished sending
   */
  read(into: Uint8Array<ArrayBuffer>): Promise<number | null>;
  /** Sends all of `bytes`. Resolves when the transport has taken them, which is the backpressure. */
  write(bytes: Uint8Array): Promise<void>;
  /** Says that no more bytes will be sent (FIN, END_STREAM); reading goes on. */
  closeWrite(): Promise<void>;
  /** Frees the stream at once; pending reads and writes fail. Safe to call twice. */
  close(): void;
}
