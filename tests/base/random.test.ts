import { expect, it } from "vitest";
import { randomId, systemRandom } from "../../lib/base/random.ts";

it("randomId() gives 22 characters of base64url that differ each time", () => {
  const ids = Array.from({ length: 1000 }, () => randomId(systemRandom));
  expect(new Set(ids).size).toBe(1000);
  expect(ids.every((id) => /^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/.test(id))).toBe(true);
});

it("randomId() never begins with a dash, which a command line would take for an option", () => {
  // 0xf8 begins with the six bits of a dash.
  const random = { bytes: (length: number) => new Uint8Array(length).fill(0xf8) };
  expect(randomId(random)).toMatch(/^A/);
});
