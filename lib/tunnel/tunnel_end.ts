/** Why a tunnel ended; these strings stand in the audit trail. */
export type TunnelEndReason =
  /** Both sides finished sending. */
  | "completed"
  /** The client's connection broke, or it went away while bytes were still to come. */
  | "client-reset"
  /** The service's connection broke. */
  | "upstream-reset"
  /** What the client sent is not what a tunnel of its protocol carries. */
  | "protocol-error"
  /** Nothing either way for `idle_timeout`. */
  | "idle-timeout"
  /** The route's `timeout` or `timeout_write` was reached. */
  | "time-limit"
  /** The session of the caller expired. */
  | "session-expired"
  /** The session of the caller was ended: by them, by an administrator, or with their user. */
  | "session-ended"
  /** The policy of the route no longer lets the caller in. */
  | "no-longer-allowed"
  /** No route leads to the destination any more. */
  | "route-removed"
  /** The route no longer leads to the service the tunnel goes to. */
  | "upstream-removed"
  /** Whether the caller is still allowed it could not be found out for too long. */
  | "store-unavailable"
  /** An administrator ended it. */
  | "killed"
  /** The gateway is stopping. */
  | "gateway-stopping"
  /** The process of the gateway that carried it is no more; others go on. */
  | "worker-ended";

/** How a tunnel ended. */
export interface TunnelEnd {
  /** Why it ended. */
  readonly reason: TunnelEndReason;
  /** What brought it about, such as the reasons of a policy; `null` where the reason says it all. */
  readonly detail: string | null;
  /** From the client to the service. */
  readonly bytesUp: number;
  /** From the service to the client. */
  readonly bytesDown: number;
  /** Datagrams from the client to the service; 0 for a tunnel of bytes. */
  readonly packetsUp: number;
  /** Datagrams from the service to the client; 0 for a tunnel of bytes. */
  readonly packetsDown: number;
  /** From its opening until both sides were closed. */
  readonly durationMs: number;
}

/** What the person at the client's end is told. `null` where there is nothing to tell: they know, or ended it themselves. */
export const END_SENTENCES: Readonly<Record<TunnelEndReason, string | null>> = {
  "completed": null,
  "client-reset": null,
  "upstream-reset": "the service broke the connection",
  "protocol-error": "what your client sent is not what a tunnel carries",
  "idle-timeout": "nothing was sent for longer than the route allows",
  "time-limit": "it was open for as long as the route allows",
  "session-expired": "your session has expired",
  "session-ended": "your session was ended",
  "no-longer-allowed": "the policy of the route no longer lets you in",
  "route-removed": "the route was removed",
  "upstream-removed": "the route now leads to another service",
  "store-unavailable": "the gateway cannot find out whether you are still allowed it",
  "killed": "an administrator ended it",
  "gateway-stopping": "the gateway is stopping",
  "worker-ended": "the process of the gateway that carried it has ended",
};
