import type { Readable } from "node:stream";

/**
 * The body of a message of `node:http` or `node:http2`, piece by piece. Nothing is read before the first call.
 *
 * @param wasReset says at the end whether the body was broken off, for streams that end either way
 */
export function bodyReader(body: Readable, wasReset: () => boolean): () => Promise<Uint8Array | null> {
  let chunks: AsyncIterator<Uint8Array> | null = null;
  return async () => {
    if (chunks === null) {
      body.on("error", () => {});
      chunks = body.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>;
    }
    const next = await chunks.next();
    if (!next.done) return next.value;
    if (wasReset()) throw new Error("The body was broken off");
    return null;
  };
}
