import { utf8 } from "../base/bytes.ts";

/**
 * The claim of this name, or, where the name has dots, the one that nested claims lead to: `a.b` is `{ a: { b: … } }`.
 *
 * @param path from the configuration
 * @returns `undefined` when there is none
 */
export function claimAt(claims: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  for (const [key, value] of Object.entries(claims)) {
    if (!path.startsWith(`${key}.`) || !isClaims(value)) continue;
    const found = claimAt(value, path.slice(key.length + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * The headers that tell a service claims of its caller. Lists are joined by commas, and objects are left out; a claim that
 * is absent makes an empty header, so that one from the caller never passes for ours.
 *
 * @param names header name to claim, a name or a dotted path
 * @returns names as they were given, and values as an HTTP header may hold them: UTF-8, one character for each byte,
 * control characters replaced by spaces
 */
export function claimHeaders(
  claims: Readonly<Record<string, unknown>>,
  names: Readonly<Record<string, string>>,
): [name: string, value: string][] {
  return Object.entries(names).map(([header, claim]) => [header, headerValue(claimAt(claims, claim))]);
}

function headerValue(claim: unknown): string {
  const text = (Array.isArray(claim) ? claim : [claim]).filter(isScalar).map(String).join(",");
  // Otherwise a claim with a line break would be a header of its own.
  // deno-lint-ignore no-control-regex
  const line = text.replace(/[\x00-\x1f\x7f]/g, " ").trim();
  return Array.from(utf8(line), (byte) => String.fromCharCode(byte)).join("");
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function isClaims(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
