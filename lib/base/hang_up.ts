import type { ByteStream } from "./byte_stream.ts";

/**
 * Ends a connection politely: sends the end, drops what the peer still sends until it ends too or `lingerMs` has
 * passed, then closes. Closing a socket with unread bytes would reset it (RFC 9293 section 3.6.1), and the peer
 * would lose what was sent last.
 *
 * @param options `lingerMs`: how long the peer may take, default 2,000; `after`: reading starts when this settles, for a
 *   stream that somebody else is still reading
 */
export async function hangUp(
  stream: ByteStream,
  options: { lingerMs?: number | undefined; after?: Promise<unknown> } = {},
): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, options.lingerMs ?? 2000);
  await Promise.race([drain(stream, options.after).catch(() => {}), late]);
  clearTimeout(timer);
  stream.close();
}

async function drain(stream: ByteStream, after: Promise<unknown> | undefined): Promise<void> {
  await stream.closeWrite();
  await after?.catch(() => {});
  const scratch = new Uint8Array(16 * 1024);
  while ((await stream.read(scratch)) !== null);
}
