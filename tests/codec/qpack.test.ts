import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import { CodecError } from "../../lib/codec/codec_error.ts";
import { decodeFieldSection, encodeFieldSection, type Field } from "../../lib/codec/qpack.ts";

const AMPLE = { maxBytes: 100_000, maxFields: 100 };
const decode = (text: string, bounds = AMPLE) =>
  decodeFieldSection(Uint8Array.fromHex(text.replaceAll(" ", "")), bounds);
/** A section of one field, with an empty name whose value is the Huffman code. */
const huffman = (code: string) => `0000 20 ${(0x80 | code.length / 2).toString(16)} ${code}`;

describe("decodeFieldSection()", () => {
  it.each<[string, string, Field[]]>([
    ["the example of RFC 9204 appendix B.1", "0000 510b 2f69 6e64 6578 2e68 746d 6c", [[
      ":path",
      "/index.html",
    ]]],
    ["the Huffman code of '307' (RFC 7541 appendix C.6.2)", huffman("640eff"), [["", "307"]]],
    ["no fields", "0000", []],
    ["the first and the last of the static table", "0000 c0 ff23", [[":authority", ""], [
      "x-frame-options",
      "sameorigin",
    ]]],
    ["a delta base that means nothing", "0005 d1", [[":method", "GET"]]],
    ["a field that must never be indexed", "0000 7f45 0141 3162 0163", [
      ["authorization", "A"],
      ["b", "c"],
    ]],
    ["a length with a byte of zeros more", "0000 2161 7f828000 ".concat("78".repeat(129)), [[
      "a",
      "x".repeat(129),
    ]]],
  ])("reads %s", (_, text, fields) => {
    expect(decode(text)).toEqual(fields);
  });

  it("reads an extended CONNECT and an answer as ls-qpack encodes them", () => {
    expect(decode(
      "0000cf2f00b95d8749c87a3f8821eaa8a44ad6c95fd75090aec3f9f4b97c8e9ae82ae43d371a699f519c617f05a285bad47f1531" +
        "48d1dad2b16c95b017c4b81712ee30d34cb12f0420eb45b4156aec3a4e43d1023f315f4590ba51d85b141c645e42cab4d39a2e9d68",
    )).toEqual([
      [":method", "CONNECT"],
      [":protocol", "connect-udp"],
      [":scheme", "https"],
      [":authority", "proxy.example.com:443"],
      [":path", "/.well-known/masque/udp/192.0.2.6/443/"],
      ["capsule-protocol", "?1"],
      ["authorization", "Bearer abc.def-ghi_jkl"],
    ]);
    expect(decode(
      "0000d9f42df2b507aa6f147e605e5c7e605e5c7e605e5c7e605e5c7e605e5c5f4d83de54275696d07abe941054d444a820059504" +
        "0b8166e082a62d1bff",
    )).toEqual([
      [":status", "200"],
      ["content-type", "text/html; charset=utf-8"],
      ["x-long", "~`^\\".repeat(5)],
      ["server", "Test"],
      ["date", "Mon, 21 Oct 2013 20:13:21 GMT"],
    ]);
  });

  // RFC 7541 appendices C.4 and C.6.
  it.each([
    ["www.example.com", "f1e3c2e5f23a6ba0ab90f4ff"],
    ["no-cache", "a8eb10649cbf"],
    ["custom-key", "25a849e95ba97d7f"],
    ["custom-value", "25a849e95bb8e8b4bf"],
    ["302", "6402"],
    ["private", "aec3771a4b"],
    ["Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff"],
    ["https://www.example.com", "9d29ad171863c78f0b97c8e9ae82ae43d3"],
    ["gzip", "9bd9ab"],
    [
      "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
      "94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    ],
  ])("knows the Huffman code of '%s', either way", (value, code) => {
    expect(decode(huffman(code))).toEqual([["", value]]);
    expect(encodeFieldSection([["", value]]).toHex()).toBe(huffman(code).replaceAll(" ", ""));
  });

  it.each([
    ["nothing", ""],
    ["half a prefix", "00"],
    ["a reference to the dynamic table (RFC 9204 appendix B.2)", "0381 10 11"],
    ["a required insert count without need", "0200 d1"],
    ["a base below zero", "0080 d1"],
    ["an index of the dynamic table", "0000 80"],
    ["an index after the base", "0000 10"],
    ["a name of the dynamic table", "0000 40 00"],
    ["a name after the base", "0000 00 00"],
    ["an index beyond the static table", "0000 ff24"],
    ["a name beyond the static table", "0000 5f54 00"],
    ["an index that ends early", "0000 ff80"],
    ["an index of 2^62", "0000 ffffffffffffffffff3f"],
    ["an endless index", "0000 ff80808080808080808080808080808000"],
    ["a name that ends early", "0000 2461"],
    ["a field without value", "0000 2161"],
    ["a value that ends early", "0000 2161 0561"],
    ["a value of 2^62 bytes", "0000 2161 7fffffffffffffffff7f"],
    ["Huffman code filled up with zeros", huffman("18")],
    ["Huffman code with EOS", huffman("ffffffff")],
    ["Huffman code filled up with eight ones", huffman("1fff")],
    ["Huffman code that is nothing but filling", huffman("ff")],
  ])("refuses %s with QPACK_DECOMPRESSION_FAILED", (_, text) => {
    expect(() => decode(text)).toThrow(
      expect.objectContaining({
        code: "codec/malformed",
        http3Name: "QPACK_DECOMPRESSION_FAILED",
        http3Code: 0x200,
      }),
    );
  });

  it("counts name, value and 32 for each field", () => {
    const text = "0000 d1 510b 2f69 6e64 6578 2e68 746d 6c";
    const size = 7 + 3 + 32 + 5 + 11 + 32;
    expect(decode(text, { maxBytes: size, maxFields: 2 })).toHaveLength(2);
    for (const bounds of [{ maxBytes: size - 1, maxFields: 2 }, { maxBytes: size, maxFields: 1 }]) {
      expect(() => decode(text, bounds)).toThrow(
        expect.objectContaining({ code: "codec/too-large", http3Name: "H3_EXCESSIVE_LOAD" }),
      );
    }
  });

  const valid = encodeFieldSection([[":method", "CONNECT"], [":path", "/a?b=c"], ["x-y", "zzzz"], [
    "z",
    "\xff\0",
  ]]);
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.uint8Array({ maxLength: 60 }).map((body) => concatBytes([Uint8Array.of(0, 0), body])),
    // One byte of a good one changed.
    fc.tuple(fc.nat(valid.length - 1), fc.nat(255)).map(([at, byte]) => valid.with(at, byte)),
  );

  it("either decodes any bytes or throws a CodecError", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        try {
          const fields = decodeFieldSection(bytes, AMPLE);
          expect(decodeFieldSection(encodeFieldSection(fields), AMPLE)).toEqual(fields);
        } catch (error) {
          if (!(error instanceof CodecError)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("refuses the example, or reads fewer fields, when any of its ends is cut off", () => {
    const bytes = encodeFieldSection([[":path", "/"], ["x-y", "zzzz"]]);
    for (let end = 0; end < bytes.length; end++) {
      try {
        expect(decodeFieldSection(bytes.subarray(0, end), AMPLE).length).toBeLessThan(2);
      } catch (error) {
        expect(error).toBeInstanceOf(CodecError);
      }
    }
  });
});

describe("encodeFieldSection()", () => {
  it("takes what the static table has from there", () => {
    expect(
      encodeFieldSection([[":method", "CONNECT"], [":path", "/"], ["x-frame-options", "sameorigin"]]).toHex(),
    )
      .toBe("0000cfc1ff23");
  });

  it("writes fields that are read again, of any bytes and lengths", () => {
    const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
    const text = fc.string({ unit: byte, maxLength: 300 });
    const name = fc.oneof(text, fc.constantFrom(":path", ":status", "vary", "accept"));
    fc.assert(fc.property(fc.array(fc.tuple(name, text), { maxLength: 10 }), (fields) => {
      expect(decodeFieldSection(encodeFieldSection(fields), AMPLE)).toEqual(fields);
    }));
  });

  it("refuses a character that is no byte", () => {
    expect(() => encodeFieldSection([["a", "\u0100"]])).toThrow(TypeError);
  });

  it("is no longer than the plain text and its heads", () => {
    fc.assert(fc.property(fc.string({ maxLength: 100 }).map((text) => utf8(text).toHex()), (value) => {
      expect(encodeFieldSection([["x", value]]).length).toBeLessThanOrEqual(2 + 2 + 3 + value.length);
    }));
  });
});
