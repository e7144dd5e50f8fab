/** Text from outside on one line of a terminal: what could move its cursor is left out. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.slice(0, 4096).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, "");
}
