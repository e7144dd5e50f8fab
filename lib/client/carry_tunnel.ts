import type { ByteStream } from "../base/byte_stream.ts";
import { ClientError } from "./client_error.ts";
import { type JoinOptions, joinStreams } from "./join_streams.ts";
import type { Tunnel } from "./carrier.ts";

/** How to carry a tunnel, and what to do when the gateway ends it. */
export interface CarryOptions extends JoinOptions {
  /** Asks the gateway why; `null` when it has nothing to tell. Never rejects. */
  readonly whyEnded: (tunnel: Tunnel) => Promise<string | null>;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: () => number;
}

/**
 * Many services close first, after an answer or two. Such short connections must not cost a further request each; what
 * a gateway withdraws has mostly lived for longer.
 */
const MIN_LIFE_MS = 1000;

/**
 * Joins a local program with a tunnel. When the other end was first to end a tunnel that lived for a second or more, or
 * broke it, asks why.
 *
 * @returns what the gateway tells, or `null`
 * @throws as {@link joinStreams}, unless the gateway tells why
 */
export async function carryTunnel(
  local: ByteStream,
  tunnel: Tunnel,
  options: CarryOptions,
): Promise<string | null> {
  const openedAt = options.now();
  const withdrawn = new AbortController();
  let asked: Promise<string | null> | null = null;
  const ask = () => {
    const isShort = options.now() - openedAt < MIN_LIFE_MS;
    return asked ??= isShort ? Promise.resolve(null) : options.whyEnded(tunnel);
  };
  // What the gateway has withdrawn is over at once: a program that waits may not look at its connection for long.
  const onTunnelEnd = () => void ask().then((why) => why !== null && withdrawn.abort());
  const signal = AbortSignal.any([options.signal, withdrawn.signal]);
  try {
    const first = await joinStreams(local, tunnel, { ...options, signal, onTunnelEnd });
    return first === "tunnel" ? await ask() : null;
  } catch (error) {
    const isReset = error instanceof ClientError && error.code === "client/tunnel-reset";
    const why = isReset ? await ask() : null;
    if (why === null) throw error;
    return why;
  }
}
