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
  /** Has `end` called when something else ends the splice, at once if it has already. */
  whenEnded(end: (reason: TunnelEndReason) => void): void;
  /** How long a client may take to close after it was told that nothing more comes; default 2,000 ms. */
  readonly lingerMs?: number;
}

/**
 * Moves bytes both ways between a client and a service until both have finished sending, one of them breaks, or something
 * else ends it. A half-close of one side is passed on to the other. Closes both streams.
 *
 * The client always sees FIN, never RST, unless its own connection broke: the existing command-line client takes a
 * reset for a bad token.
 *
 * @returns why it ended; never rejects
 */
export function splice(
  client: ByteStream,
  service: ByteStream,
  options: SpliceOptions,
): Promise<TunnelEndReason> {
  const { counters, lingerMs } = options;
  const { promise: over, resolve: end } = Promise.withResolvers<TunnelEndReason>();
  options.whenEnded(end);
  const up = pump(client, service, {
    onBytes: (count) => counters.bytesUp += count,
    onBreak: (side) => end(side === "from" ? "client-reset" : "upstream-reset"),
  });
  const down = pump(service, client, {
    onBytes: (count) => counters.bytesDown += count,
    onBreak: (side) => end(side === "from" ? "upstream-reset" : "client-reset"),
  });
  let sending = 2;
  const onFinished = () => {
    if (--sending === 0) end("completed");
  };
  // A pump that fails has said so already.
  up.then(onFinished, () => {});
  down.then(onFinished, () => {});

  return over.then(async (reason) => {
    service.close();
    if (reason === "completed" || reason === "client-reset") client.close();
    else await hangUp(client, { after: up, lingerMs });
    await Promise.allSettled([up, down]);
    return reason;
  });
}
