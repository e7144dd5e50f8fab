import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeVarint,
  encodeVarint,
  varintAt,
  varintLength,
  varintLengthAt,
  writeVarint,
} from "../../lib/codec/varint.ts";

const hex = (text: string) => Uint8Array.fromHex(text);

describe("decodeVarint()", () => {
  it.each([
    // RFC 9000 appendix A.1. The first is more than a number can hold exactly.
    ["c2197c5eff14e88c", Number(151_288_809_941_952_652n)],
    ["9d7f3e7d", 494_878_333],
    ["7bbd", 15_293],
    ["25", 37],
    ["4025", 37],
    ["00", 0],
    ["c000000000000000", 0],
    ["c01fffffffffffff", Number.MAX_SAFE_INTEGER],
    ["c020000000000000", 2 ** 53],
    ["ffffffffffffffff", 2 ** 62],
  ])("reads %s", (text, value) => {
    expect(decodeVarint(hex(text))).toEqual({ value, length: text.length / 2 });
    expect(decodeVarint(hex(`ff${text}00`), 1)).toEqual({ value, length: text.length / 2 });
  });

  it("rounds what is above 2^53-1 to no less than 2^53", () => {
    fc.assert(fc.property(fc.bigInt({ min: 2n ** 53n, max: 2n ** 62n - 1n }), (value) => {
      const bytes = hex((value | 0xc000_0000_0000_0000n).toString(16));
      expect(decodeVarint(bytes)!.value).toBe(Number(value));
      expect(decodeVarint(bytes)!.value).toBeGreaterThanOrEqual(2 ** 53);
    }));
  });

  it.each(["", "40", "9d7f3e", "c2197c5eff14e8"])("asks for more after '%s'", (text) => {
    expect(decodeVarint(hex(text))).toBeNull();
    expect(varintAt(hex(text), 0)).toBe(-1);
  });
});

describe("encodeVarint()", () => {
  it.each<[number, string]>([
    [0, "00"],
    [63, "3f"],
    [64, "4040"],
    [16_383, "7fff"],
    [16_384, "80004000"],
    [2 ** 30 - 1, "bfffffff"],
    [2 ** 30, "c000000040000000"],
    [2 ** 32, "c000000100000000"],
    [Number.MAX_SAFE_INTEGER, "c01fffffffffffff"],
  ])("writes %d as %s", (value, text) => {
    expect(encodeVarint(value).toHex()).toBe(text);
    expect(varintLength(value)).toBe(text.length / 2);
  });

  it.each([-1, 0.5, NaN, Infinity, 2 ** 53])("refuses %d", (value) => {
    expect(() => encodeVarint(value)).toThrow(RangeError);
  });

  it("writes what is read again", () => {
    fc.assert(fc.property(fc.maxSafeNat(), fc.nat(20), (value, offset) => {
      const bytes = new Uint8Array(28);
      const end = writeVarint(bytes, value, offset);
      expect(varintAt(bytes, offset)).toBe(value);
      expect(offset + varintLengthAt(bytes, offset)).toBe(end);
    }));
  });
});
