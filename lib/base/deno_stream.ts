import type { ByteStream } from "./byte_stream.ts";

/** What to make of a connection. */
export interface DenoStreamOptions {
  /** Called once, when the stream is closed. */
  readonly onClose?: () => void;
  /** For plain TCP: a reset by the peer fails the read, as it should. Default `false`: it looks like the peer's end. */
  readonly detectReset?: boolean;
}

const NOTHING = new Uint8Array(0);

/**
 * A TCP or TLS connection of the platform as a {@link ByteStream}. A peer that goes away without the closing alert of
 * TLS (RFC 8446 section 6.1) counts as having finished sending: what is carried inside has its own end.
 *
 * @param conn owned by the stream from now on: closing the stream closes it
 */
export function denoStream(
  conn: Pick<Deno.TcpConn, "read" | "write" | "closeWrite" | "close">,
  options: DenoStreamOptions = {},
): ByteStream {
  let closed = false;
  let finished = false;
  return {
    async read(into) {
      try {
        const count = await conn.read(into);
        // The platform reads a reset as an end. Sending nothing tells them apart: it fails on a connection that was
        // reset, unless our own half is closed, which makes it fail too.
        if (count === null && options.detectReset && !finished) await conn.write(NOTHING);
        return count;
      } catch (error) {
        if (!closed && error instanceof Deno.errors.UnexpectedEof) return null;
        throw error;
      }
    },
    async write(bytes) {
      for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
    },
    closeWrite() {
      finished = true;
      return conn.closeWrite();
    },
    close() {
      if (closed) return;
      closed = true;
      conn.close();
      options.onClose?.();
    },
  };
}
