import { fieldPairs } from "./raw_headers.ts";

/** A request target in absolute-form (RFC 9112 section 3.2.2). */
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i;

/** The head of a request as the platform's parsers give it. */
export interface RequestHead {
  /** `1.0`, `1.1` or `2.0`. */
  readonly httpVersion: string;
  /** The request target. */
  readonly url?: string | undefined;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
}

/**
 * Why a request head that the parser let pass is to be refused all the same: whoever stands before or behind the gateway
 * may read it otherwise (RFC 9112 sections 3.2, 6.1 and 11.2).
 *
 * @returns `null` for a head that is fine
 */
export function malformation(head: RequestHead): string | null {
  const values = (wanted: string) =>
    fieldPairs(head.rawHeaders).filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
  if (values("host").length > 1) return "More than one Host";
  if (head.httpVersion === "1.1" && values("host").length === 0) return "No Host";
  if (head.url?.includes("#")) return "A fragment in the request target";
  const named = ABSOLUTE.exec(head.url ?? "")?.[1];
  if (named !== undefined && named.toLowerCase() !== values("host")[0]?.toLowerCase()) {
    return "Another host in the target";
  }
  if (head.httpVersion.startsWith("2")) return head.rawHeaders[0]?.startsWith(":") ? null : "Not HTTP/2";
  const codings = values("transfer-encoding");
  if (codings.length > 0 && head.httpVersion !== "1.1") return "Transfer-Encoding in an old version of HTTP";
  if (codings.some((coding) => coding.toLowerCase() !== "chunked")) return "An unknown Transfer-Encoding";
  return null;
}

/** The path and query of a request target, whose host is that of the request if it has one. */
export function originForm(target: string): string {
  const rest = target.replace(ABSOLUTE, "");
  return rest === target || rest.startsWith("/") ? rest : `/${rest}`;
}

/**
 * The protocol that an HTTP/1.1 request asks to go over to, in lower case (RFC 9110 section 7.8); `null` without one, with
 * several, and when the fields contradict each other.
 */
export function upgradeOf(rawHeaders: readonly string[]): string | null {
  const listed = (wanted: string) =>
    fieldPairs(rawHeaders).filter(([name]) => name.toLowerCase() === wanted)
      .flatMap(([, value]) => value.split(",")).map((value) => value.trim().toLowerCase());
  const protocols = listed("upgrade");
  return protocols.length === 1 && listed("connection").includes("upgrade") ? protocols[0]! || null : null;
}
