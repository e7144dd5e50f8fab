import { Http1Control, type Http1Framing, NO_BODY } from "./http1_framing.ts";
import { headLines, malformed, MAX_FIELDS, parseField } from "./http1_lines.ts";
import { CodecError } from "./codec_error.ts";

/** The head of a request (RFC 9112 section 3). */
export interface Http1RequestHead {
  /** Such as `GET`, without lower-case letters. */
  readonly method: string;
  /** The request target, in the form in which it came. */
  readonly target: string;
  /** The version. */
  readonly version: "1.0" | "1.1";
  /** Names and values in turn, as they came; values without the blanks around them. */
  readonly fields: readonly string[];
  /** `Host`; `null` without one, which only HTTP/1.0 allows. */
  readonly host: string | null;
  /** How its body ends. */
  readonly framing: Http1Framing;
  /** Whether another request may follow on the connection. */
  readonly keepsAlive: boolean;
  /** The sender waits for a 100 before it sends the body (RFC 9110 section 10.1.1). */
  readonly expectsContinue: boolean;
  /** The protocol that it asks to go over to, in lower case; `null` for none, several, and a `Connection` that does not agree. */
  readonly upgrade: string | null;
}

/** Case counts (RFC 9110 section 9.1), but not for everybody: a policy would be asked about another method. */
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Z-]{1,64}) ([\x21-\x7e]+) HTTP\/(1\.[01])$/;
/** A request target in absolute-form (RFC 9112 section 3.2.2). */
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i;

/**
 * Reads the head of a request. Whatever somebody before or behind might read in another way is refused (RFC 9112 sections 3,
 * 5.2, 6.1, 6.3 and 11.2).
 *
 * @param bytes that begin with it; @param end as `headEnd` gives it
 * @throws {CodecError} `codec/malformed`; `codec/too-large` for more than 1000 fields
 */
export function decodeHttp1RequestHead(bytes: Uint8Array, end: number): Http1RequestHead {
  const lines = headLines(bytes, end);
  const match = REQUEST_LINE.exec(lines[0]!);
  if (match === null) throw malformed("the request line");
  if (lines.length > MAX_FIELDS + 1) throw new CodecError("codec/too-large", "A request has too many fields");
  const [, method, target, version] = match as unknown as [string, string, string, "1.0" | "1.1"];
  const fields: string[] = [];
  const control = new Http1Control();
  for (let i = 1; i < lines.length; i++) {
    const [name, value] = parseField(lines[i]!);
    fields.push(name, value);
    control.note(name.toLowerCase(), value);
  }
  const { host, expectsContinue, closes } = control;
  checkHost({ target, version, host });
  const framing = control.framing(version) ?? NO_BODY;
  const keepsAlive = version === "1.1" && !closes;
  // HTTP/1.0 has none (RFC 9110 section 7.8).
  const upgrade = version === "1.1" ? control.upgrade : null;
  return { method, target, version, fields, host, framing, keepsAlive, expectsContinue, upgrade };
}

function checkHost({ target, version, host }: Pick<Http1RequestHead, "target" | "version" | "host">): void {
  if (version === "1.1" && host === null) throw malformed("no Host");
  if (target.includes("#")) throw malformed("a fragment in its target");
  const named = target.startsWith("/") ? undefined : ABSOLUTE.exec(target)?.[1];
  if (named !== undefined && named.toLowerCase() !== host?.toLowerCase()) {
    throw malformed("another host in its target");
  }
}
