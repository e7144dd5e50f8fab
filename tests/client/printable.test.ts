import { expect, it } from "vitest";
import { printable } from "../../lib/client/printable.ts";

it.each([
  ["plain text, ümlaut included", "plain text, ümlaut included"],
  ["\u001b[31mred\u0007", "?[31mred?"],
  ["a\r\nb\tc", "a??b?c"],
  ["\u009b31m\u202egnp.exe", "?31m?gnp.exe"],
  ["x".repeat(201), `${"x".repeat(200)}...`],
])("printable() case %#", (text, expected) => {
  expect(printable(text)).toBe(expected);
});
