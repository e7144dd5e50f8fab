import { jsonLine } from "../../observe/json_line.ts";
import type { RecordingMeta } from "../handlers.ts";
import { castSize } from "./_terminal_events.ts";
import type { LineFormat } from "./line_format.ts";

/** What the first line of a recording says, under the key `sallyport`. */
export interface RecordingHeader {
  /** Of the recording. */
  readonly id: string;
  /** When it began (RFC 3339). */
  readonly started: string;
  /** What the session is for. */
  readonly kind: "shell" | "exec" | "subsystem";
  /** The command or the subsystem; empty for a shell. */
  readonly command: string;
  /** Of the user. */
  readonly user: string;
  /** Of the user; may be empty. */
  readonly email: string;
  /** Of the user. */
  readonly session: string;
  /** The login name on the server. */
  readonly login: string;
  /** Address of the client. */
  readonly ip: string;
  /** Fingerprint of the key that signed in. */
  readonly key: string;
  /** The connection, as in the log and the audit trail. */
  readonly connection: string;
  /** Id of the route. */
  readonly route: string;
  /** Name of the route. */
  readonly route_name: string;
  /** Address of the server. */
  readonly upstream: string;
  /** Name of the key that seals it. */
  readonly seal_key: string;
}

/** What is known at the begin of a recording. */
export function headerOf(
  { login, routeId, routeName, upstream, kind }: RecordingMeta,
  { id, startedAt, sealKey }: { id: string; startedAt: number; sealKey: string },
): RecordingHeader {
  const { session } = login.caller;
  return {
    id,
    started: new Date(startedAt).toISOString(),
    kind: kind.type,
    command: kind.name,
    user: session.userId,
    email: session.email,
    session: session.sessionId,
    login: login.username,
    ip: login.ip,
    key: login.keyFingerprint,
    connection: login.connectionId,
    route: routeId,
    route_name: routeName,
    upstream,
    seal_key: sealKey,
  };
}

/** The first line of a recording. @param pty `null` for `events` */
export function headerLine(
  header: RecordingHeader,
  { format, pty }: { format: LineFormat; pty: RecordingMeta["pty"] },
): string {
  if (format === "events" || pty === null) return jsonLine({ version: 1, type: "events", sallyport: header });
  return jsonLine({
    version: 2,
    ...castSize(pty),
    timestamp: Math.floor(Date.parse(header.started) / 1000),
    ...(header.command === "" ? {} : { command: header.command }),
    title: `${header.email || header.user}: ${header.login}@${header.route_name}`,
    env: { TERM: pty.term },
    sallyport: header,
  });
}

/** Reads the first line of a recording. @param line as parsed @returns `null` when it is none */
export function readHeader(line: unknown): RecordingHeader | null {
  if (typeof line !== "object" || line === null || !("sallyport" in line)) return null;
  const { sallyport: header } = line;
  if (typeof header !== "object" || header === null) return null;
  const isWhole = FIELDS.every((field) => typeof (header as Record<string, unknown>)[field] === "string");
  return isWhole && !Number.isNaN(Date.parse((header as RecordingHeader).started))
    ? header as RecordingHeader
    : null;
}

/** One for each field. */
const FIELDS: readonly (keyof RecordingHeader)[] = Object.keys(
  {
    id: 0,
    started: 0,
    kind: 0,
    command: 0,
    user: 0,
    email: 0,
    session: 0,
    login: 0,
    ip: 0,
    key: 0,
    connection: 0,
    route: 0,
    route_name: 0,
    upstream: 0,
    seal_key: 0,
  } satisfies Record<keyof RecordingHeader, 0>,
) as (keyof RecordingHeader)[];
