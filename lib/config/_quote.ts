const MAX_QUOTED = 60;

/** A text from the configuration as it stands in a message: in quotes, escaped, cut at 60 characters. */
export function quote(text: string): string {
  return JSON.stringify(shorten(text));
}

/** What a value is, for "found ...": texts and numbers are quoted, anything larger is only named. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return `the text ${quote(value)}`;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return "a mapping";
}

/** At most `maxLength` characters of `text`, 60 by default, and a mark when there were more. */
export function shorten(text: string, maxLength: number = MAX_QUOTED): string {
  return text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
}
