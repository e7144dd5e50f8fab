import type { Clock } from "../base/clock.ts";
import type { Connection } from "../base/connection.ts";
import type { Log } from "../observe/log.ts";
import type { Places } from "./_places.ts";
import type { CertificateChoice } from "./certificate_choice.ts";

/** What every way of accepting shares, for as long as the acceptor is there. */
export interface Serving {
  /** Offered to the client, most wanted first. */
  readonly alpn: readonly string[];
  /** From the first byte, or none, to the end of the handshake. */
  readonly handshakeTimeoutMs: number;
  /** Receives every finished connection and closes it. */
  readonly onConnection: (connection: Connection) => void;
  /** Counts connections until their descriptors are free. */
  readonly places: Places;
  /** How to give up each of the handshakes under way. */
  readonly unfinished: Set<() => void>;
  /** For time limits and for waiting. */
  readonly clock: Clock;
  /** Where failed handshakes are noted. */
  readonly log: Log;
}

/** A way of accepting. Whoever opens it retires or stops it. */
export interface Entrance {
  /** Where it listens. */
  readonly address: Deno.NetAddr;
  /** Uses other certificates from now on. @returns `false` when it takes another entrance; throws what is wrong with them */
  update(certificates: CertificateChoice): boolean;
  /** Accepts those who wait already, and stops. */
  retire(): Promise<void>;
  /** Stops accepting at once. Safe to call twice. */
  stop(): Promise<void>;
}

/** Closes what may be closed already. */
export function closeQuietly(conn: { close(): void }): void {
  try {
    conn.close();
  } catch {
    // Already closed.
  }
}
