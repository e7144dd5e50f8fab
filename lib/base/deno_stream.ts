import type { ByteStream } from "./byte_stream.ts";

/** What to make of a connection. */
export interface DenoStreamOptions {
  /** Called once, when the stream is closed. */
  readonly onClose?: () => void;
  /** For plain TCP: a reset by the peer fails the read, as it should. Default `false`: it looks like the peer's end. */
  readonly detectReset?: boolean;
}

/** What is needed of a connection. */
export type DenoConn = Pick<Deno.TcpConn, "read" | "write" | "closeWrite" | "close">;

const NOTHING = new Uint8Array(0);

/**
 * A TCP or TLS connection of the platform as a {@link ByteStream}. A peer that goes away without the closing alert of
 * TLS (RFC 8446 section 6.1) counts as having finished sending: what is carried inside has its own end.
 *
 * @param conn owned by the stream from now on: closing the stream closes it
 */
export function denoStream(conn: DenoConn, options: DenoStreamOptions = {}): ByteStream {
  return new DenoStream(conn, options);
}

class DenoStream implements ByteStream {
  readonly #conn: DenoConn;
  readonly #detectReset: boolean;
  readonly #onClose: (() => void) | undefined;
  #closed = false;
  #finished = false;

  constructor(conn: DenoConn, { onClose, detectReset = false }: DenoStreamOptions) {
    this.#conn = conn;
    this.#onClose = onClose;
    this.#detectReset = detectReset;
  }

  // Reads wait for as long as a tunnel is quiet, and a function that is `async` would keep its frame for that time.
  read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    return this.#conn.read(into).then(
      (count) => count === null && this.#detectReset && !this.#finished ? this.#endOrReset() : count,
      (error) => this.#endOrFailure(error),
    );
  }

  /**
   * The platform reads a reset as an end. Sending nothing tells them apart: it fails on a connection that was reset, unless
   * our own half is closed, which makes it fail too.
   */
  async #endOrReset(): Promise<null> {
    await this.#conn.write(NOTHING);
    return null;
  }

  #endOrFailure(error: unknown): null {
    if (!this.#closed && error instanceof Deno.errors.UnexpectedEof) return null;
    throw error;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
  }

  closeWrite(): Promise<void> {
    this.#finished = true;
    return this.#conn.closeWrite();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
    this.#onClose?.();
  }
}
