import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes } from "../../lib/base/bytes.ts";
import { encodeFieldBlock, FieldBlockDecoder } from "../../lib/codec/hpack.ts";
import { Http2Error } from "../../lib/codec/http2_error.ts";
import type { Field } from "../../lib/codec/qpack.ts";

const AMPLE = { maxBytes: 100_000, maxFields: 100 };
const bytesOf = (hex: string) => Uint8Array.fromHex(hex.replaceAll(" ", ""));

function decodeAll(blocks: readonly string[]): (Field[] | null)[] {
  const decoder = new FieldBlockDecoder();
  return blocks.map((block) => decoder.decode(bytesOf(block), AMPLE));
}

const GET: readonly Field[] = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "www.example.com"],
];
const REQUESTS: readonly (readonly Field[])[] = [
  GET,
  [...GET, ["cache-control", "no-cache"]],
  [[":method", "GET"], [":scheme", "https"], [":path", "/index.html"], GET[3]!, [
    "custom-key",
    "custom-value",
  ]],
];
const LOCATION: Field = ["location", "https://www.example.com"];
const DATE: Field = ["date", "Mon, 21 Oct 2013 20:13:21 GMT"];

describe("FieldBlockDecoder", () => {
  // RFC 7541 appendix C.2 to C.5; those of C.5 and C.6 need a smaller table and are asked for it here.
  it.each<[string, string[], (readonly Field[])[]]>([
    [
      "a field that is indexed (C.2.1)",
      ["400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572"],
      [[
        ["custom-key", "custom-header"],
      ]],
    ],
    ["a field that is not (C.2.2)", ["040c 2f73 616d 706c 652f 7061 7468"], [[[":path", "/sample/path"]]]],
    ["a field that never is (C.2.3)", ["1008 7061 7373 776f 7264 0673 6563 7265 74"], [[[
      "password",
      "secret",
    ]]]],
    ["a field of the static table (C.2.4)", ["82"], [[[":method", "GET"]]]],
    ["requests in plain text (C.3)", [
      "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      "8286 84be 5808 6e6f 2d63 6163 6865",
      "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ], [...REQUESTS]],
    ["requests in Huffman code (C.4)", [
      "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
      "8286 84be 5886 a8eb 1064 9cbf",
      "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ], [...REQUESTS]],
    ["answers, with eviction from a table of 256 bytes (C.6)", [
      "3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d " +
      "29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
      "4883 640e ffc1 c0bf",
    ], [
      [[":status", "302"], ["cache-control", "private"], DATE, LOCATION],
      [[":status", "307"], ["cache-control", "private"], DATE, LOCATION],
    ]],
    [
      "a table that is emptied and used again",
      ["20 3fe11f 4001610162", "be 20".replace(" 20", ""), "20 82"],
      [
        [["a", "b"]],
        [["a", "b"]],
        [[":method", "GET"]],
      ],
    ],
    ["a block without fields", [""], [[]]],
  ])("reads %s", (_, blocks, fields) => {
    expect(decodeAll(blocks)).toEqual(fields);
  });

  it.each<[string, string[]]>([
    ["an index of 0", ["80"]],
    ["an index beyond the tables", ["be"]],
    ["a name beyond the tables", ["7f00 0161"]],
    ["an entry that was evicted", ["3f19 4001610162 be", "20 be"]],
    ["an entry that was larger than the table", ["21 4001610162 be"]],
    ["a table that is larger than was allowed", ["3fe2 1f"]],
    ["a change of the table behind a field", ["82 20"]],
    ["a value that ends early", ["0001610561"]],
    ["a name that ends early", ["000261"]],
    ["an index that ends early", ["ff80"]],
    ["an endless integer", ["ff80808080808080808080808000"]],
    ["Huffman code filled up with zeros", ["0001618118"]],
    ["Huffman code with EOS", ["00016184ffffffff"]],
  ])("refuses %s with COMPRESSION_ERROR", (_, blocks) => {
    expect(() => decodeAll(blocks)).toThrow(
      expect.objectContaining({ code: "codec/malformed", http2Name: "COMPRESSION_ERROR", http2Code: 9 }),
    );
  });

  it("reads on after a block that is above a bound", () => {
    const decoder = new FieldBlockDecoder();
    const block = bytesOf("4001610162 4001630164");
    expect(decoder.decode(block, { maxBytes: 67, maxFields: 9 })).toBeNull();
    expect(decoder.decode(block, { maxBytes: 68, maxFields: 1 })).toBeNull();
    expect(decoder.decode(block, { maxBytes: 68, maxFields: 2 })).toEqual([["a", "b"], ["c", "d"]]);
    expect(decoder.decode(bytesOf("be bf"), AMPLE)).toEqual([["c", "d"], ["a", "b"]]);
  });

  it("counts what is named again and again, and keeps no more of it than the bound", () => {
    const decoder = new FieldBlockDecoder();
    const entry = concatBytes([bytesOf("40 01 61 7f bd1d"), new Uint8Array(3900).fill(97)]);
    const bomb = concatBytes([entry, new Uint8Array(100_000).fill(0xbe)]);
    expect(decoder.decode(bomb, { maxBytes: 64 * 1024, maxFields: 1000 })).toBeNull();
  });

  it("either decodes any bytes or throws an Http2Error", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 4 }), (blocks) => {
        const decoder = new FieldBlockDecoder();
        try {
          for (const block of blocks) {
            const fields = decoder.decode(block, AMPLE);
            if (fields === null) continue;
            expect(new FieldBlockDecoder().decode(encodeFieldBlock(fields), AMPLE)).toEqual(fields);
          }
        } catch (error) {
          if (!(error instanceof Http2Error)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("encodeFieldBlock()", () => {
  it("takes what the static table has from there, and says that there is no other", () => {
    expect(encodeFieldBlock([[":status", "200"], [":path", "/"], ["vary", "x"]]).toHex()).toBe(
      "2088841f2c0178",
    );
  });

  it("writes fields that are read again, of any bytes and lengths", () => {
    const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
    const text = fc.string({ unit: byte, maxLength: 300 });
    const name = fc.oneof(text, fc.constantFrom(":path", ":status", "vary", "accept"));
    fc.assert(fc.property(fc.array(fc.tuple(name, text), { maxLength: 10 }), (fields) => {
      expect(new FieldBlockDecoder().decode(encodeFieldBlock(fields), AMPLE)).toEqual(fields);
    }));
  });

  it("refuses a character that is no byte", () => {
    expect(() => encodeFieldBlock([["a", "\u0100"]])).toThrow(TypeError);
  });
});
