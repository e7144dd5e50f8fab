/** Bounds that no configuration key changes. Documented in docs/operations.md. */
export const LIMITS = {
  accept: {
    /** A TLS handshake that takes longer is dropped. */
    handshakeTimeoutMs: 10_000,
    /** Connections at once; more have to wait. */
    maxConnections: 20_000,
  },
  quic: {
    /** A client that is not heard of for so long is lost; it is asked three times within that. */
    idleTimeoutMs: 30_000,
    /** Streams at once on one connection. */
    maxStreams: 250,
  },
  http: {
    /** Bytes of one request head. */
    maxHeadBytes: 64 * 1024,
    /** HTTP/2 streams at once on one connection. */
    maxStreams: 250,
  },
  /** How long tunnels and requests may go on when the gateway stops. */
  drainMs: 1000,
  /** How long, after that, clients may take to hear that tunnels have ended. */
  farewellMs: 300,
  /** How often expired sessions are forgotten. */
  sweepEveryMs: 10 * 60_000,
  /** How often it is written down that sessions are in use by tunnels. */
  keepSessionsEveryMs: 60_000,
} as const;
