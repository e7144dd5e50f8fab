import type { ByteStream } from "../base/byte_stream.ts";

/** The two ends of a program's standard input and output that are needed here. */
export interface Stdio {
  /** As `Deno.stdin`. */
  readonly stdin: { read(into: Uint8Array): Promise<number | null> };
  /** As `Deno.stdout`. */
  readonly stdout: { write(bytes: Uint8Array): Promise<number> };
}

/**
 * Standard input and output as one stream. A read of standard input cannot be taken back from the system: after `close`
 * one may still be pending there, and the program has to exit to be rid of it. Standard output ends with the program: ssh
 * sends SIGHUP to its ProxyCommand as soon as it sees the end, and what is still to be said would be lost.
 */
export function stdioStream({ stdin, stdout }: Stdio): ByteStream {
  let failPending: ((error: Error) => void) | null = null;
  let closed = false;
  return {
    read(into) {
      const { promise, resolve, reject } = Promise.withResolvers<number | null>();
      if (closed) reject(new Deno.errors.Interrupted("Standard input is closed"));
      else {
        failPending = reject;
        stdin.read(into).then(resolve, reject);
      }
      return promise;
    },
    async write(bytes) {
      for (let sent = 0; sent < bytes.length;) sent += await stdout.write(bytes.subarray(sent));
    },
    closeWrite: () => Promise.resolve(),
    close() {
      closed = true;
      failPending?.(new Deno.errors.Interrupted("Standard input is closed"));
    },
  };
}
