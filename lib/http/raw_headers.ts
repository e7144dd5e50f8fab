/** HTTP/2 clients may split their cookies into several fields; whoever reads them expects one (RFC 9113 section 8.2.3). */
export function joinCookies(raw: string[]): void {
  const at = raw.flatMap((name, i) => i % 2 === 0 && name === "cookie" ? [i] : []);
  if (at.length < 2) return;
  const joined = at.map((i) => raw[i + 1]).join("; ");
  for (const i of at.toReversed()) raw.splice(i, 2);
  raw.push("cookie", joined);
}

/** Fields of which the platform (Deno 2.9.6) takes no second one in a message of HTTP/2. */
const SINGLE: ReadonlySet<string> = new Set([
  ...["access-control-allow-credentials", "access-control-max-age", "access-control-request-method", "age"],
  ...["authorization", "content-encoding", "content-language", "content-length", "content-location"],
  ...["content-md5", "content-range", "content-type", "date", "dnt", "etag", "expires", "from", "host"],
  ...["if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "last-modified"],
  ...["location", "max-forwards", "proxy-authorization", "range", "referer", "retry-after", "tk"],
  ...["upgrade-insecure-requests", "user-agent", "x-content-type-options"],
]);

/** Header fields as they came, without pseudo-headers. */
export function headersOf(raw: readonly string[]): Headers {
  const headers = new Headers();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (!raw[i]!.startsWith(":")) headers.append(raw[i]!, raw[i + 1]!);
  }
  return headers;
}

/** Names and values in pairs. */
export function fieldPairs(raw: readonly string[]): [name: string, value: string][] {
  return raw.flatMap((name, i) => i % 2 === 0 ? [[name, raw[i + 1] ?? ""]] : []);
}

/** The fields of an HTTP/2 message that HTTP/1.1 has too. */
export function withoutPseudo(raw: readonly string[]): string[] {
  return fieldPairs(raw).filter(([name]) => !name.startsWith(":")).flat();
}

/**
 * Values by name in lower case, as HTTP/2 has them (RFC 9113 section 8.2), in the order of their first occurrence. What comes
 * several times and may not is put together (RFC 9110 section 5.3), as the platform takes no second one.
 */
export function groupedFields(raw: readonly string[]): Record<string, string[]> {
  // Names are of others' making, such as `constructor`.
  const groups: Record<string, string[]> = Object.create(null);
  for (const [name, value] of fieldPairs(raw)) (groups[name.toLowerCase()] ??= []).push(value);
  for (const [name, values] of Object.entries(groups)) {
    if (values.length > 1 && SINGLE.has(name)) groups[name] = [values.join(", ")];
  }
  return groups;
}
