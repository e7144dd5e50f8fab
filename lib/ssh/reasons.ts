/** Reasons of a disconnect (RFC 4253 section 11.1). */
export const DISCONNECT = {
  /** The route is not there. */
  hostNotAllowed: 1,
  /** What the client sent breaks the rules, and, as existing clients of such gateways know it: access is denied. */
  protocolError: 2,
  /** The server behind the route cannot be reached. */
  serviceNotAvailable: 7,
  /** The connection was quiet for too long. */
  connectionLost: 10,
  /** The gateway ends it. */
  byApplication: 11,
  /** There are too many. */
  tooManyConnections: 12,
  /** Every way to sign in has failed. */
  noMoreAuthMethods: 14,
  /** The login name cannot be used. */
  illegalUserName: 15,
} as const;

/** Reasons why a channel is not opened (RFC 4254 section 5.1). */
export const CHANNEL_REFUSAL = {
  /** Not allowed. */
  prohibited: 1,
  /** The service cannot be reached. */
  connectFailed: 2,
  /** Too many are open. */
  resourceShortage: 4,
} as const;
