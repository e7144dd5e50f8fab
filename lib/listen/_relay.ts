import type { ByteStream } from "../base/byte_stream.ts";
import type { Clock } from "../base/clock.ts";
import { pump } from "../base/pump.ts";

/** How long the client may take to be sent what was said before the inner side closed. */
const FLUSH_MS = 10_000;

/** Two connections that are joined. */
export interface Relay {
  /** Settles when both are closed; never rejects. */
  readonly done: Promise<void>;
  /** Whether the client's connection broke, instead of ending. */
  readonly clientBroke: boolean;
  /** Says that nobody listens on the inner side any more: what it said is still delivered, then both are closed. */
  finish(): void;
}

/**
 * Passes bytes between a client and the inner side until both have ended or the client's connection breaks, and closes
 * both. The end of one is passed on to the other.
 *
 * @param client reading fails when it was reset
 * @param options `prefix`: what the client has said already
 */
export function startRelay(
  client: ByteStream,
  inner: ByteStream,
  options: { prefix: Uint8Array; clock: Clock },
): Relay {
  const broken = Promise.withResolvers<void>();
  const innerClosed = Promise.withResolvers<void>();
  let clientBroke = false;
  let flush: Disposable | null = null;
  const onBreak = (error: unknown): never => {
    clientBroke = true;
    broken.resolve();
    throw error;
  };
  const watched = {
    read: (into: Uint8Array<ArrayBuffer>) => client.read(into).catch(onBreak),
    write: (bytes: Uint8Array) => client.write(bytes).catch(onBreak),
    closeWrite: () => client.closeWrite().catch(onBreak),
  };
  // What fails on the inner side ends that direction only: the other may still have something for the client.
  const up = inner.write(options.prefix).then(() => pump(watched, inner)).catch(() => {});
  const down = pump(inner, watched).catch(() => {});
  const ended = Promise.all([down, Promise.race([up, innerClosed.promise])]);
  const close = async () => {
    flush?.[Symbol.dispose]();
    client.close();
    inner.close();
    await Promise.all([up, down]);
  };
  return {
    done: Promise.race([ended, broken.promise]).then(close),
    get clientBroke() {
      return clientBroke;
    },
    finish() {
      innerClosed.resolve();
      flush ??= options.clock.timer(FLUSH_MS, broken.resolve);
    },
  };
}
