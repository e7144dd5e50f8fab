/** JSON of several lines in ASCII, so that nothing in it can steer a terminal. */
export function asciiJson(value: unknown): string {
  const escaped = JSON.stringify(value, null, 2)
    .replace(/[^\n\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return `${escaped}\n`;
}
