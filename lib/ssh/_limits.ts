/** Bounds of the SSH server that no configuration key changes. Documented in docs/ssh.md. */
export const SSH_LIMITS = {
  /** Version exchange and first key exchange. */
  handshakeMs: 20_000,
  /** From there to the sign-in, waiting for a person at a browser not counted. */
  signInMs: 120_000,
  /** How long a client may take to go after it was told that it is over. */
  lingerMs: 1000,
  /** Connections that have not signed in, of all hosts. */
  unauthenticated: 512,
  /** The same, of one host. */
  unauthenticatedOfHost: 64,
  /** Attempts to sign in that may fail. */
  failures: 6,
  /** Requests to sign in, those that only ask about a key included. */
  requests: 40,
  /** Channels that are open at once on one connection. */
  channels: 1024,
  /** A client that is quiet is asked whether it is there. */
  keepAliveMs: 30_000,
  /** So often without an answer, it is not. */
  keepAlives: 3,
  /** Environment variables of a session. */
  environment: 32,
  /** Characters of a login name with its route. */
  usernameLength: 256,
} as const;
