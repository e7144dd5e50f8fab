import type { ByteStream } from "../base/byte_stream.ts";
import { errorMessage } from "../base/errors.ts";
import { hangUp } from "../base/hang_up.ts";
import { pump } from "../base/pump.ts";
import { ClientError } from "./client_error.ts";

/** How joined streams end. */
export interface JoinOptions {
  /** Ends both at once; the tunnel sees FIN and not RST. */
  readonly signal: AbortSignal;
  /** Whether it is over as soon as the tunnel has sent everything; default `false`, which waits for both. */
  readonly endWithTunnel?: boolean;
  /** Called when the tunnel was first to finish sending, which may be long before it is over. */
  readonly onTunnelEnd?: () => void;
}

/** Which side finished sending first, or that neither had when the signal came. */
export type EndedFirst = "local" | "tunnel" | "interrupted";

/**
 * Moves bytes both ways between a local program and a tunnel until both have finished sending. A half-close of one is
 * passed on to the other. Closes both.
 *
 * @returns who began to end it
 * @throws {ClientError} `client/tunnel-reset` when the tunnel broke, and what the local end failed with, unless `signal`
 *   ended it
 */
export async function joinStreams(
  local: ByteStream,
  tunnel: ByteStream,
  options: JoinOptions,
): Promise<EndedFirst> {
  const { signal } = options;
  const { promise: aborted, resolve } = Promise.withResolvers<"interrupted">();
  const onAbort = () => resolve("interrupted");
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  const named = withResetNamed(tunnel);
  const up = pump(local, named).then(() => "local" as const);
  const down = pump(named, local).then(() => "tunnel" as const);
  const first = Promise.race([up, down, aborted]);
  first.then((side) => side === "tunnel" && options.onTunnelEnd?.(), () => {});
  const both = Promise.all([up, down]);
  // After an abort nobody hears of the pump that was interrupted.
  both.catch(() => {});
  first.catch(() => {});
  try {
    await Promise.race([both, options.endWithTunnel ? down : both, aborted]);
    return await first;
  } finally {
    signal.removeEventListener("abort", onAbort);
    local.close();
    await hangUp(tunnel, { after: down, lingerMs: 500 });
  }
}

/** The same stream, whose failures can be told from those of the local end. */
function withResetNamed(tunnel: ByteStream): Pick<ByteStream, "read" | "write" | "closeWrite"> {
  const fail = (cause: unknown): never => {
    throw new ClientError("client/tunnel-reset", `The tunnel broke: ${errorMessage(cause)}`, { cause });
  };
  return {
    read: (into) => tunnel.read(into).catch(fail),
    write: (bytes) => tunnel.write(bytes).catch(fail),
    closeWrite: () => tunnel.closeWrite().catch(fail),
  };
}
