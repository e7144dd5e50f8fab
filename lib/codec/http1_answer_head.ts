import { Http1Control, type Http1Framing, NO_BODY } from "./http1_framing.ts";
import { headLines, malformed, MAX_FIELDS, parseField } from "./http1_lines.ts";
import { CodecError } from "./codec_error.ts";

/** The head of an answer (RFC 9112 section 4). */
export interface Http1AnswerHead {
  /** 100 to 599. */
  readonly status: number;
  /** Names and values in turn, as they came; values without the blanks around them. */
  readonly fields: readonly string[];
  /** How its body ends; informational answers have none. */
  readonly framing: Http1Framing;
  /** Whether another request may follow on the connection. */
  readonly keepsAlive: boolean;
  /** The protocol that the service goes over to, in lower case, for a 101. */
  readonly upgrade: string | null;
}

const STATUS_LINE = /^HTTP\/(1\.[01]) ([1-5]\d\d)(?: .*)?$/;
const CLOSE: Http1Framing = { kind: "close" };

/**
 * Reads the head of an answer. What could be read in another way is refused, as in a request.
 *
 * @param bytes that begin with it; @param options `end`: as `headEnd` gives it; `method`: of the request, as an answer to HEAD
 * has no body whatever it says (RFC 9112 section 6.3)
 * @throws {CodecError} `codec/malformed`; `codec/too-large` for more than 1000 fields
 */
export function decodeHttp1AnswerHead(
  bytes: Uint8Array,
  { end, method }: { end: number; method: string },
): Http1AnswerHead {
  const lines = headLines(bytes, end);
  const match = STATUS_LINE.exec(lines[0]!);
  if (match === null) throw malformed("the status line");
  if (lines.length > MAX_FIELDS + 1) throw new CodecError("codec/too-large", "An answer has too many fields");
  const version = match[1] as "1.0" | "1.1";
  const status = Number(match[2]);
  const fields: string[] = [];
  const control = new Http1Control();
  for (let i = 1; i < lines.length; i++) {
    const [name, value] = parseField(lines[i]!);
    fields.push(name, value);
    // What frames a message without body is nobody's business.
    if (status >= 200 || !/^(?:content-length|transfer-encoding)$/i.test(name)) {
      control.note(name.toLowerCase(), value);
    }
  }
  const hasBody = status >= 200 && status !== 204 && status !== 304 && method !== "HEAD";
  const stated = control.framing(version);
  const framing = hasBody ? stated ?? CLOSE : NO_BODY;
  // What says that it has content may send it, and the next request would get it for an answer (RFC 9112 section 6.1).
  const isSound = status !== 204 || stated === null || stated.kind === "length" && stated.length === 0;
  const keepsAlive = version === "1.1" && !control.closes && framing.kind !== "close" && isSound;
  return { status, fields, framing, keepsAlive, upgrade: version === "1.1" ? control.upgrade : null };
}
