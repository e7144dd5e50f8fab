/**
 * Text from a peer made safe for a terminal: control characters, C1 controls and bidirectional overrides become `?`, and
 * what is longer than `maxLength` (default 200 characters) is cut.
 */
export function printable(text: string, maxLength = 200): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}...` : text;
  // deno-lint-ignore no-control-regex -- control characters are what this is about
  return cut.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, "?");
}
