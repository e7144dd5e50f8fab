import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import { CapsuleDecoder, encodeCapsule, encodeUdpCapsule } from "../../lib/codec/capsule.ts";
import { CodecError } from "../../lib/codec/codec_error.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));
const empty = new Uint8Array(0);

/** The payloads that come of the chunks, as hex, and the code of the failure, if any. */
function decode(chunks: readonly Uint8Array[], options: { maxPayloadBytes?: number } = {}): string[] {
  const decoder = new CapsuleDecoder(options);
  const found: string[] = [];
  try {
    for (const chunk of chunks) decoder.push(chunk, (payload) => found.push(payload.toHex()));
    decoder.end();
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    found.push(error.code);
  }
  return found;
}

const stream = concatBytes([
  encodeUdpCapsule(utf8("one")),
  encodeCapsule(0x2575, utf8("not known")),
  encodeCapsule(0, hex("4000 aa")),
  encodeCapsule(0, hex("02 bb")),
  encodeUdpCapsule(empty),
  encodeCapsule(0x17, empty),
  encodeUdpCapsule(new Uint8Array(70).fill(7)),
]);
const PAYLOADS = [utf8("one").toHex(), "aa", "", "07".repeat(70)];

describe("encodeUdpCapsule()", () => {
  it.each([0, 1, 62, 63, 16_382, 16_383, 65_527])(
    "writes %i bytes as the capsule with context id 0",
    (length) => {
      const payload = new Uint8Array(length).fill(1);
      expect(encodeUdpCapsule(payload)).toEqual(encodeCapsule(0, concatBytes([hex("00"), payload])));
    },
  );

  it("writes type, length, context id and payload", () => {
    expect(encodeUdpCapsule(hex("c0ffee")).toHex()).toBe("000400c0ffee");
  });
});

describe("CapsuleDecoder", () => {
  it("finds UDP payloads, empty ones too, and skips other types and contexts", () => {
    expect(decode([stream])).toEqual(PAYLOADS);
  });

  it("finds the same in whichever two chunks", () => {
    for (let at = 0; at <= stream.length; at++) {
      expect(decode([stream.subarray(0, at), stream.subarray(at)])).toEqual(PAYLOADS);
    }
  });

  it("finds the same byte by byte, from a buffer that is used again", () => {
    const decoder = new CapsuleDecoder();
    const buffer = new Uint8Array(1);
    const found: string[] = [];
    for (const byte of stream) {
      buffer[0] = byte;
      decoder.push(buffer, (payload) => found.push(payload.toHex()));
    }
    decoder.end();
    expect(found).toEqual(PAYLOADS);
  });

  it("delivers a capsule that is whole in a chunk without copying it", () => {
    new CapsuleDecoder().push(stream, (payload) => expect(payload.buffer).toBe(stream.buffer));
    expect.hasAssertions();
  });

  it.each<[string, string]>([
    ["a type beyond 2^53", "ffffffffffffffff 01 aa"],
    ["a context id beyond 2^53", "00 08 ffffffffffffffff"],
    ["a type in its longest form", "c000000000000025 00"],
  ])("skips %s", (_, text) => {
    const bytes = concatBytes([hex(text), encodeUdpCapsule(hex("aa"))]);
    for (let at = 0; at <= bytes.length; at++) {
      expect(decode([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(["aa"]);
    }
  });

  it("reads lengths and context ids in their longest forms", () => {
    const bytes = hex("c000000000000000 c000000000000009 c000000000000000 aa");
    for (let at = 0; at <= bytes.length; at++) {
      expect(decode([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(["aa"]);
    }
  });

  it.each([
    ["of an unknown type", "25 ffffffffffffffff"],
    ["of an unknown context", "00 ffffffffffffffff 01"],
  ])("skips a capsule of 2^62 bytes %s without keeping it", (_, head) => {
    const decoder = new CapsuleDecoder();
    const chunk = new Uint8Array(64 * 1024);
    const before = Deno.memoryUsage().external;
    decoder.push(hex(head), () => expect.unreachable());
    for (let count = 0; count < 1000; count++) decoder.push(chunk, () => expect.unreachable());
    expect(Deno.memoryUsage().external - before).toBeLessThan(1024 * 1024);
    expect(() => decoder.end()).toThrow(expect.objectContaining({ code: "codec/truncated" }));
  });

  it("takes the longest UDP payload, whole or divided", () => {
    const bytes = encodeUdpCapsule(new Uint8Array(65_527).fill(9));
    for (const at of [0, 1, 5, 6, 7, 100, bytes.length - 1]) {
      const found = decode([bytes.subarray(0, at), bytes.subarray(at)]);
      expect(found.map((payload) => payload.length)).toEqual([2 * 65_527]);
    }
  });

  it.each([
    ["65,528 bytes", concatBytes([encodeUdpCapsule(new Uint8Array(65_528))])],
    ["2^62 bytes, before they come", hex("00 ffffffffffffffff 00 00000000000000")],
    [
      "65,528 bytes behind a long context id",
      encodeCapsule(0, concatBytes([hex("4000"), new Uint8Array(65_528)])),
    ],
  ])("refuses a UDP payload of %s", (_, bytes) => {
    for (const at of [0, 1, 2, 5, 6, 9, 10, 16]) {
      expect(decode([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(["codec/too-large"]);
    }
  });

  it.each(["00 00", "00 01 40", "00 07 c0000000000000"])(
    "refuses the datagram %s, without context id",
    (text) => {
      const bytes = concatBytes([hex(text), encodeUdpCapsule(hex("aa"))]);
      for (let at = 0; at <= bytes.length; at++) {
        expect(decode([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(["codec/malformed"]);
      }
    },
  );

  it("drops what is longer than it was asked to keep, and goes on", () => {
    const lengths = [100, 101, 107, 108, 109, 110, 5000, 3];
    const bytes = concatBytes(lengths.map((length) => encodeUdpCapsule(new Uint8Array(length))));
    for (const at of [0, 50, 150, 250, 1000, bytes.length - 2]) {
      const found = decode([bytes.subarray(0, at), bytes.subarray(at)], { maxPayloadBytes: 100 });
      expect(found.map((payload) => payload.length / 2)).toEqual([100, 3]);
    }
  });

  it.each(["00", "40", "00 04", "00 04 00 aa bb", "25 01", "c0"])(
    "refuses the end of the stream after %s",
    (text) => {
      expect(decode([hex(text)])).toEqual(["codec/truncated"]);
    },
  );

  const anyCapsules = fc.array(
    fc.tuple(fc.constantFrom(0, 0, 1, 0x25, 0x4000), fc.uint8Array({ maxLength: 80 })),
    {
      maxLength: 8,
    },
  ).map((capsules) => concatBytes(capsules.map(([type, value]) => encodeCapsule(type, value))));
  const anyBytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), anyCapsules);

  it("either decodes any bytes or throws a CodecError; the same however they are divided", () => {
    fc.assert(
      fc.property(
        anyBytes,
        fc.array(fc.nat(200), { maxLength: 5 }),
        fc.constantFrom(65_527, 20),
        (bytes, cuts, max) => {
          const ends = [...cuts, bytes.length].sort((a, b) => a - b);
          const chunks = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
          expect(decode(chunks, { maxPayloadBytes: max })).toEqual(decode([bytes], { maxPayloadBytes: max }));
        },
      ),
    );
  });

  it("finds any payloads again", () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (payloads) => {
      expect(decode([concatBytes(payloads.map(encodeUdpCapsule))])).toEqual(
        payloads.map((payload) => payload.toHex()),
      );
    }));
  });
});
