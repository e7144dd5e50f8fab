import type { ByteStream } from "../base/byte_stream.ts";
import { hangUp } from "../base/hang_up.ts";
import { pump } from "../base/pump.ts";
import type { TunnelEndReason } from "./tunnel_end.ts";

/** Live figures of a splice. */
export interface SpliceCounters {
  /** From the client to the service. */
  bytesUp: number;
  /** From the service to the client. */
  bytesDown: number;
}

/** How to join two streams. */
export interface SpliceOptions {
  /** Updated as bytes are taken by the other side. */
  readonly counters: SpliceCounters;
  /** Ends the splice; its `reason` is a {@link TunnelEndReason}. */
  readonly signal: AbortSignal;
  /** How long a client may take to close after it was told that nothing more comes; default 2,000 ms. */
  readonly lingerMs?: number;
}

/**
 * Moves bytes both ways between a client and a service until both have finished sending, one of them breaks, or
 * `signal` ends it. A half-close of one side is passed on to the other. Closes both streams.
 *
 * The client always sees FIN, never RST, unless its own connection broke: the existing command-line client takes a
 * reset for a bad token.
 *
 * @returns why it ended; never rejects
 */
export async function splice(
  client: ByteStream,
  service: ByteStream,
  options: SpliceOptions,
): Promise<TunnelEndReason> {
  const { counters, signal } = options;
  const { promise: broken, resolve: end } = Promise.withResolvers<TunnelEndReason>();
  const onAbort = () => end(signal.reason as TunnelEndReason);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });

  const watchedClient = watch(client, () => end("client-reset"));
  const watchedService = watch(service, () => end("upstream-reset"));
  const up = pump(watchedClient, watchedService, { onBytes: (count) => (counters.bytesUp += count) });
  const down = pump(watchedService, watchedClient, { onBytes: (count) => (counters.bytesDown += count) });
  const both = Promise.all([up, down]).then((): TunnelEndReason => "completed");
  // A failed pump has already said through `watch` which side broke.
  both.catch(() => {});

  const reason = await Promise.race([broken, both.catch(() => broken)]);
  signal.removeEventListener("abort", onAbort);
  service.close();
  if (reason === "completed" || reason === "client-reset") client.close();
  else await hangUp(client, { after: up, lingerMs: options.lingerMs });
  await Promise.allSettled([up, down]);
  return reason;
}

/** The same stream; `onBreak` hears of the first read or write that fails. */
function watch(stream: ByteStream, onBreak: () => void): Pick<ByteStream, "read" | "write" | "closeWrite"> {
  const note = (error: unknown): never => {
    onBreak();
    throw error;
  };
  return {
    read: (into) => stream.read(into).catch(note),
    write: (bytes) => stream.write(bytes).catch(note),
    closeWrite: () => stream.closeWrite().catch(note),
  };
}
