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
  /** The path of an HTTP request, without its query; absent for a tunnel of CONNECT. */
  readonly path?: string | undefined;
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
  /** What the certificate says that the client presented; `null` when it presented none. */
  readonly clientCertificate: AuditCertificate | null;
}

/** A certificate, as it stands in the trail. */
export interface AuditCertificate {
  /** Name of who has issued it (RFC 4514). */
  readonly issuer: string;
  /** Name of whom it is for; may be empty. */
  readonly subject: string;
  /** SHA-256 of the certificate, in hexadecimal. */
  readonly fingerprint: string;
  /** Its alternative names, as `type:value`. */
  readonly sans: readonly string[];
  /** Why it is not trusted; absent when it is. */
  readonly reason?: string;
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
  /** Of a tunnel of datagrams: how many went from the client to the service, back, and were lost here, by cause. */
  readonly datagrams?: {
    readonly up: number;
    readonly down: number;
    readonly dropped: Readonly<Record<string, number>>;
  };
  /** From its opening to its end. */
  readonly durationMs: number;
  /** IP address and port of the service. */
  readonly upstream: string;
}

/** What a person has said of the key of an SSH client. */
export type KeyEvent = "key-approved" | "key-denied" | "key-revoked";

/** Somebody signed in, tried to, or signed out. */
export interface AuditSignIn {
  /** Ties the entry to the answer and the log. */
  readonly requestId: string;
  /** Address of the client, without port. */
  readonly ip: string;
  /** What happened. */
  readonly event: "signed-in" | "sign-in-refused" | "sign-in-limited" | "signed-out" | KeyEvent;
  /** The name that was typed, cut to 64 characters; never a password. */
  readonly userName: string | null;
  /** The user whose session began or ended; `null` for a refused attempt. */
  readonly userId: string | null;
  /** The session that began or ended, or that a key stands for; `null` for a refused attempt. */
  readonly sessionId: string | null;
  /** The fingerprint of the key, where there is one. */
  readonly key?: string;
}

/** A session is recorded, or should have been. */
export interface AuditRecording {
  /** Ties the entry to the connection. */
  readonly requestId: string;
  /** Address of the client, without port. */
  readonly ip: string;
  /** What happened to the recording. */
  readonly event: "recording-started" | "recording-ended" | "recording-failed";
  /** Name of its file; `null` when there is none. */
  readonly file: string | null;
  /** The route. */
  readonly routeId: string;
  /** Name of the route. */
  readonly routeName: string;
  /** Session of the user. */
  readonly sessionId: string;
  /** Who. */
  readonly userId: string;
  /** Their e-mail address. */
  readonly email: string;
  /** Lines of the file, and the hash that the last of them is sealed with; absent at the start. */
  readonly seal?: { readonly lines: number; readonly chain: string };
  /** Why it failed; absent when it did not. */
  readonly error?: string;
}

/** Where it is written down who did what. Nothing in it is a token or a password. */
export interface AuditTrail {
  /** Notes that a tunnel was opened or refused. */
  decided(entry: AuditDecision): void;
  /** Notes that a tunnel ended. */
  ended(entry: AuditEnd): void;
  /** Notes a sign-in, an attempt at one, or a sign-out. */
  signIn(entry: AuditSignIn): void;
  /** Notes the begin or the end of a recording. */
  recording(entry: AuditRecording): void;
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
      write(decisionMessage(entry), {
        ...subjectFields(entry),
        ...outcomeFields("allow", entry.allow),
        ...outcomeFields("deny", entry.deny),
        "response-code": entry.status,
        error: entry.error ?? undefined,
        upstream: entry.upstream ?? undefined,
      }),
    ended: (entry) =>
      write(entry.path === undefined ? "tunnel ended" : "request ended", {
        ...subjectFields(entry),
        reason: entry.reason,
        detail: entry.detail ?? undefined,
        "bytes-up": entry.bytesUp,
        "bytes-down": entry.bytesDown,
        ...datagramFields(entry.datagrams),
        duration: entry.durationMs,
        upstream: entry.upstream,
      }),
    signIn: ({ event, requestId, ip, userName, userId, sessionId, key }) =>
      write(event.replaceAll("-", " "), {
        service: "authenticate",
        "request-id": requestId,
        ip,
        "user-name": userName ?? undefined,
        user: userId ?? undefined,
        "session-id": sessionId ?? undefined,
        key,
      }),
    recording: ({ event, requestId, ip, file, routeId, routeName, sessionId, userId, email, seal, error }) =>
      write(event.replaceAll("-", " "), {
        service: "ssh",
        "request-id": requestId,
        ip,
        "route-id": routeId,
        route: routeName,
        "session-id": sessionId,
        user: userId,
        email,
        recording: file ?? undefined,
        lines: seal?.lines,
        chain: seal?.chain,
        error,
      }),
  };
}

function decisionMessage({ path, opened }: AuditDecision): string {
  if (path !== undefined) return opened ? "request allowed" : "request refused";
  return opened ? "tunnel opened" : "tunnel refused";
}

function subjectFields(subject: AuditSubject): Record<string, unknown> {
  return {
    service: "authorize",
    "request-id": subject.requestId,
    method: subject.method,
    host: subject.host,
    path: subject.path,
    ip: subject.ip,
    "route-id": subject.routeId ?? undefined,
    route: subject.routeName ?? undefined,
    "session-id": subject.sessionId ?? undefined,
    user: subject.userId ?? undefined,
    email: subject.email ?? undefined,
    "client-certificate": subject.clientCertificate ?? undefined,
  };
}

function datagramFields(datagrams: AuditEnd["datagrams"]): Record<string, unknown> {
  if (datagrams === undefined) return {};
  const dropped = Object.entries(datagrams.dropped).filter(([, count]) => count > 0);
  return {
    "packets-up": datagrams.up,
    "packets-down": datagrams.down,
    dropped: dropped.length === 0 ? undefined : Object.fromEntries(dropped),
  };
}

function outcomeFields(name: "allow" | "deny", outcome: AuditOutcome | null): Record<string, unknown> {
  return outcome === null ? {} : { [name]: outcome.value, [`${name}-why-${outcome.value}`]: outcome.reasons };
}
