import type { HeaderTemplate, HeaderToken } from "./http_settings.ts";
import { quote } from "./_quote.ts";
import { bad, good, type Parsed } from "./value_type.ts";

const TOKENS: ReadonlySet<string> = new Set<HeaderToken>([
  "id_token",
  "access_token",
  "jwt",
  "client_cert_fingerprint",
  "client_cert_san_dns",
  "client_cert_san_email",
]);
/** `$$`, or a token in braces or bare. */
const DOLLAR = /\$(?:(\$)|\{pomerium\.([^{}]{1,200})\}|pomerium\.([a-z_]{1,40}))?/g;
const HEADER = /^request\.headers\["([!#$%&'*+.^_`|~0-9A-Za-z-]{1,100})"\]$/;

/** Reads the value of a header that may hold tokens such as `${pomerium.jwt}`; `$$` is a `$`. */
export function parseTemplate(value: string): Parsed<HeaderTemplate> {
  const parts: HeaderTemplate[number][] = [];
  let end = 0;
  for (const match of value.matchAll(DOLLAR)) {
    if (match.index > end) parts.push({ text: value.slice(end, match.index) });
    end = match.index + match[0].length;
    const part = partOf(match);
    if (part === null) {
      return bad({
        code: "config/bad-value",
        message: `has a token that is not known: ${quote(value.slice(match.index, match.index + 60))}`,
        hint: "write $$ for a dollar sign",
      });
    }
    parts.push(part);
  }
  if (end < value.length) parts.push({ text: value.slice(end) });
  return good(parts);
}

function partOf([, dollar, braced, bare]: RegExpMatchArray): HeaderTemplate[number] | null {
  if (dollar !== undefined) return { text: "$" };
  const name = braced ?? bare ?? "";
  const header = HEADER.exec(name)?.[1];
  if (header !== undefined) return { header: header.toLowerCase() };
  return TOKENS.has(name) ? { token: name as HeaderToken } : null;
}
