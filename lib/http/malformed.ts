import { fieldPairs } from "./raw_headers.ts";

/** What the platform's parsers give as the versions that are spoken here; they take others, too, such as 0.9. */
const VERSIONS: readonly string[] = ["1.0", "1.1", "2.0"];

/** A request target in absolute-form (RFC 9112 section 3.2.2). */
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i;

/** The head of a request as the platform's parsers give it. */
export interface RequestHead {
  /** Such as `1.1`. */
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
  if (!VERSIONS.includes(head.httpVersion)) return "Another version of HTTP";
  if (values("host").length > 1) return "More than one Host";
  if (head.httpVersion === "1.1" && values("host").length === 0) return "No Host";
  if (head.url?.includes("#")) return "A fragment in the request target";
  const named = ABSOLUTE.exec(head.url ?? "")?.[1];
  if (named !== undefined && named.toLowerCase() !== values("host")[0]?.toLowerCase()) {
    return "Another host in the target";
  }
  if (head.httpVersion.startsWith("2")) {
    const [authority, host = authority] = [values(":authority")[0], values("host")[0]];
    if (authority !== undefined && authority.toLowerCase() !== host?.toLowerCase()) return "Another host";
    if (!isUnmistakable(values(":method")[0] ?? "")) return "A method in lower case";
    return head.rawHeaders[0]?.startsWith(":") ? null : "Not HTTP/2";
  }
  const codings = values("transfer-encoding");
  if (codings.length > 0 && head.httpVersion !== "1.1") return "Transfer-Encoding in an old version of HTTP";
  if (codings.some((coding) => coding.toLowerCase() !== "chunked")) return "An unknown Transfer-Encoding";
  return null;
}

/**
 * Whether a method is the same for everyone. Case counts (RFC 9110 section 9.1), but not for the platform, which makes
 * `PATCH` of `patch` on its way to a service: a policy would be asked about another method.
 */
export function isUnmistakable(method: string): boolean {
  return !/[a-z]/.test(method);
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
