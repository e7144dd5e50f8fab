/** Such a request is malformed (RFC 9112 section 3.2): whoever stands before the gateway may have looked at the other. */
export function hasTwoHosts(raw: readonly string[]): boolean {
  return raw.filter((name, i) => i % 2 === 0 && name.toLowerCase() === "host").length > 1;
}

/** HTTP/2 clients may split their cookies into several fields; whoever reads them expects one (RFC 9113 section 8.2.3). */
export function joinCookies(raw: string[]): void {
  const at = raw.flatMap((name, i) => i % 2 === 0 && name === "cookie" ? [i] : []);
  if (at.length < 2) return;
  const joined = at.map((i) => raw[i + 1]).join("; ");
  for (const i of at.toReversed()) raw.splice(i, 2);
  raw.push("cookie", joined);
}

/** Header fields as they came, without pseudo-headers. */
export function headersOf(raw: readonly string[]): Headers {
  const headers = new Headers();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (!raw[i]!.startsWith(":")) headers.append(raw[i]!, raw[i + 1]!);
  }
  return headers;
}
