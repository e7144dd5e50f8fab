/** What some programs take for a line break or a terminal for a command, though JSON lets it stand (RFC 8259 section 7). */
const UNSAFE = /[\u007f-\u009f\u2028\u2029]/g;

/** An object or list as one line of JSON in which every control character and line separator is escaped. */
export function jsonLine(value: Readonly<Record<string, unknown>> | readonly unknown[]): string {
  return JSON.stringify(value).replace(
    UNSAFE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
