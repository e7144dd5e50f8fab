import { jsonLine } from "./json_line.ts";
import type { LineSink } from "./log.ts";

/** One half of a policy's answer, as it stands in the trail. */
export interface AuditOutcome {
  /** Whether the half is true. */
  readonly value: boolean;
  /** Why, as reason codes; empty when there was no rule. */
  readonly reasons: readonly string[];
}

/** Who, from where, asking for what. */
export interface AuditSubject {
  /** Ties the entry to the answer and the log. */
  readonly requestId: string;
  /** HTTP method. */
  readonly method: string;
  /** The destination that was asked for, as `host:port`. */
  readonly host: string;
  /** Address of the client, without port. */
  readonly ip: string;
  /** The route that was found; `null` when none was. */
  readonly routeId: string | null;
  /** Name of that route; `null` when none was found. */
  readonly routeName: string | null;
  /** Session of the caller; `null` when not signed in. */
  readonly sessionId: string | null;
  /** User of that session; `null` when not signed in. */
  readonly userId: string | null;
  /** Their e-mail address; `null` when not signed in. */
  readonly email: string | null;
}

/** A tunnel was asked for. */
export interface AuditDecision extends AuditSubject {
  /** Whether bytes may now flow. */
  readonly opened: boolean;
  /** What the client was answered. */
  readonly status: number;
  /** Why it was not opened, as an error code; `null` when it was. */
  readonly error: string | null;
  /** `null` when no policy was asked. */
  readonly allow: AuditOutcome | null;
  /** `null` when no policy was asked. */
  readonly deny: AuditOutcome | null;
  /** IP address and port of the service; `null` when none was reached. */
  readonly upstream: string | null;
}

/** A tunnel ended. */
export interface AuditEnd extends AuditSubject {
  /** Why it ended, such as `completed` or `idle-timeout`. */
  readonly reason: string;
  /** What brought it about; `null` where the reason says it all. */
  readonly detail: string | null;
  /** From the client to the service. */
  readonly bytesUp: number;
  /** From the service to the client. */
  readonly bytesDown: number;
  /** From its opening to its end. */
  readonly durationMs: number;
  /** IP address and port of the service. */
  readonly upstream: string;
}

/** Somebody signed in, tried to, or signed out. */
export interface AuditSignIn {
  /** Ties the entry to the answer and the log. */
  readonly requestId: string;
  /** Address of the client, without port. */
  readonly ip: string;
  /** What happened. */
  readonly event: "signed-in" | "sign-in-refused" | "sign-in-limited" | "signed-out";
  /** The name that was typed, cut to 64 characters; never a password. */
  readonly userName: string | null;
  /** The user whose session began or ended; `null` for a refused attempt. */
  readonly userId: string | null;
  /** The session that began or ended; `null` for a refused attempt. */
  readonly sessionId: string | null;
}

/** Where it is written down who did what. Nothing in it is a token or a password. */
export interface AuditTrail {
  /** Notes that a tunnel was opened or refused. */
  decided(entry: AuditDecision): void;
  /** Notes that a tunnel ended. */
  ended(entry: AuditEnd): void;
  /** Notes a sign-in, an attempt at one, or a sign-out. */
  signIn(entry: AuditSignIn): void;
}

/**
 * A trail of JSON lines, with the field names that log pipelines for this kind of gateway know.
 *
 * @param options `sink`: where lines go; `now`: milliseconds since 1970-01-01T00:00:00Z
 */
export function jsonAuditTrail(options: { sink: LineSink; now: () => number }): AuditTrail {
  const write = (message: string, fields: Record<string, unknown>) =>
    options.sink(
      jsonLine({ level: "info", time: new Date(options.now()).toISOString(), message, ...fields }),
    );
  return {
    decided: (entry) =>
      write(entry.opened ? "tunnel opened" : "tunnel refused", {
        ...subjectFields(entry),
        ...outcomeFields("allow", entry.allow),
        ...outcomeFields("deny", entry.deny),
        "response-code": entry.status,
        error: entry.error ?? undefined,
        upstream: entry.upstream ?? undefined,
      }),
    ended: (entry) =>
      write("tunnel ended", {
        ...subjectFields(entry),
        reason: entry.reason,
        detail: entry.detail ?? undefined,
        "bytes-up": entry.bytesUp,
        "bytes-down": entry.bytesDown,
        duration: entry.durationMs,
        upstream: entry.upstream,
      }),
    signIn: ({ event, requestId, ip, userName, userId, sessionId }) =>
      write(event.replaceAll("-", " "), {
        service: "authenticate",
        "request-id": requestId,
        ip,
        "user-name": userName ?? undefined,
        user: userId ?? undefined,
        "session-id": sessionId ?? undefined,
      }),
  };
}

function subjectFields(subject: AuditSubject): Record<string, unknown> {
  return {
    service: "authorize",
    "request-id": subject.requestId,
    method: subject.method,
    host: subject.host,
    ip: subject.ip,
    "route-id": subject.routeId ?? undefined,
    route: subject.routeName ?? undefined,
    "session-id": subject.sessionId ?? undefined,
    user: subject.userId ?? undefined,
    email: subject.email ?? undefined,
  };
}

function outcomeFields(name: "allow" | "deny", outcome: AuditOutcome | null): Record<string, unknown> {
  return outcome === null ? {} : { [name]: outcome.value, [`${name}-why-${outcome.value}`]: outcome.reasons };
}
