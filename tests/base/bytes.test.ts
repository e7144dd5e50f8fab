import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  concatBytes,
  decodeBase64,
  encodeBase64Url,
  equalConstantTime,
  fromUtf8,
  utf8,
} from "../../lib/base/bytes.ts";

const bytes = fc.uint8Array({ maxLength: 64 });

describe("encodeBase64Url() and decodeBase64()", () => {
  it.each([
    ["", ""],
    ["f", "Zg"],
    ["fo", "Zm8"],
    ["foo", "Zm9v"],
    ["foobar", "Zm9vYmFy"],
  ])("write %j as %j, the vectors of RFC 4648 section 10 without padding", (text, encoded) => {
    expect(encodeBase64Url(utf8(text))).toBe(encoded);
    expect(decodeBase64(encoded)).toEqual(utf8(text));
  });

  it("read back any bytes, in each alphabet, padded or not", () => {
    fc.assert(fc.property(bytes, (bytes) => {
      const url = encodeBase64Url(bytes);
      const standard = btoa(String.fromCharCode(...bytes));
      for (const text of [url, standard, standard.replaceAll("=", "")]) {
        expect([...decodeBase64(text)!]).toEqual([...bytes]);
      }
    }));
  });

  it("encode only the view, not the buffer behind it", () => {
    expect(encodeBase64Url(utf8("foobar").subarray(3))).toBe("YmFy");
  });

  it.each(["A", "Zm9vY", "Z===", "=", "Zg=", "Zm8==", "Zm9v=", "Zm 9v", "Zg==Zg==", "Zm9v\n", "Zm9ä", "."])(
    "refuse %j",
    (text) => expect(decodeBase64(text)).toBeNull(),
  );
});

describe("fromUtf8()", () => {
  it("reads back any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(fromUtf8(utf8(text))).toBe(text);
      }),
    );
  });

  it.each([[[0xff]], [[0xc3]], [[0xc0, 0x80]], [[0xed, 0xa0, 0x80]]])("refuses %j", (bytes) => {
    expect(() => fromUtf8(Uint8Array.from(bytes))).toThrow(TypeError);
  });
});

describe("concatBytes()", () => {
  it("keeps every byte in order", () => {
    fc.assert(fc.property(fc.array(bytes), (parts) => {
      expect([...concatBytes(parts)]).toEqual(parts.flatMap((part) => [...part]));
    }));
  });
});

describe("equalConstantTime()", () => {
  it.each([
    ["", "", true],
    ["secret", "secret", true],
    ["secret", "secreT", false],
    ["secret", "secre", false],
    ["", "x", false],
  ])("compares %j and %j: %s", (a, b, expected) => {
    expect(equalConstantTime(utf8(a), utf8(b))).toBe(expected);
  });
});
