import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import {
  datagramStreamId,
  decodeHttpDatagram,
  encodeHttp3Datagram,
  encodeHttpDatagram,
  udpDatagramPrefix,
  udpPayloadAt,
} from "../../lib/codec/http_datagram.ts";
import { varintLengthAt } from "../../lib/codec/varint.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));

describe("encodeHttpDatagram()", () => {
  it("writes the context id before the payload", () => {
    expect(encodeHttpDatagram({ contextId: 0, payload: hex("c0ffee") }).toHex()).toBe("00c0ffee");
    expect(encodeHttpDatagram({ contextId: 64, payload: hex("") }).toHex()).toBe("4040");
  });

  it("writes what decodeHttpDatagram() reads again", () => {
    fc.assert(fc.property(fc.maxSafeNat(), fc.uint8Array(), (contextId, payload) => {
      expect(decodeHttpDatagram(encodeHttpDatagram({ contextId, payload }))).toEqual({ contextId, payload });
    }));
  });
});

describe("udpPayloadAt()", () => {
  it.each([["00", ""], ["00 aabb", "aabb"], ["4000 aa", "aa"], ["c000000000000000 aa", "aa"]])(
    "finds the payload of %s",
    (text, payload) => {
      expect(udpPayloadAt(hex(text))!.toHex()).toBe(payload);
      expect(udpPayloadAt(hex(`ff${text}`), 1)!.toHex()).toBe(payload);
    },
  );

  it.each(["01", "02 aa", "4040 aa", "ffffffffffffffff aa"])("drops %s, of another context", (text) => {
    expect(udpPayloadAt(hex(text))).toBeNull();
  });

  it.each(["", "40", "c0000000000000"])("refuses '%s', without context id", (text) => {
    expect(() => udpPayloadAt(hex(text))).toThrow(expect.objectContaining({ code: "codec/malformed" }));
    expect(() => decodeHttpDatagram(hex(text))).toThrow(expect.objectContaining({ code: "codec/malformed" }));
  });

  it("takes 65,527 bytes and no more", () => {
    expect(udpPayloadAt(new Uint8Array(65_528))).toHaveLength(65_527);
    expect(() => udpPayloadAt(new Uint8Array(65_529))).toThrow(
      expect.objectContaining({ code: "codec/too-large" }),
    );
  });

  it("takes more than that of another context", () => {
    expect(udpPayloadAt(new Uint8Array(70_000).fill(1))).toBeNull();
  });
});

describe("encodeHttp3Datagram()", () => {
  it.each([[0, "00 00"], [4, "01 00"], [44, "0b 00"], [256, "4040 00"]])(
    "begins a datagram of stream %i with %s",
    (streamId, text) => {
      expect(udpDatagramPrefix(streamId)).toEqual(hex(text));
    },
  );

  it.each([1, 2, 3, -4])("refuses stream %d", (streamId) => {
    expect(() => encodeHttp3Datagram(streamId, utf8(""))).toThrow(RangeError);
  });

  it("writes stream and datagram so that both are found again", () => {
    fc.assert(fc.property(fc.maxSafeNat(), fc.uint8Array(), (quarter, payload) => {
      const streamId = Math.floor(quarter / 4) * 4;
      const bytes = concatBytes([udpDatagramPrefix(streamId), payload]);
      expect(datagramStreamId(bytes)).toBe(streamId);
      expect(udpPayloadAt(bytes, varintLengthAt(bytes, 0))).toEqual(payload);
    }));
  });
});

describe("datagramStreamId()", () => {
  it.each<[string, number]>([["4025 aa", 148], ["cfffffffffffffff", 2 ** 62]])(
    "reads %s",
    (text, streamId) => {
      expect(datagramStreamId(hex(text))).toBe(streamId);
    },
  );

  it.each([
    ["no quarter stream id", ""],
    ["half of one", "40"],
    ["2^60", "d000000000000000 00"],
    ["2^62-1", "ffffffffffffffff 00"],
  ])("refuses %s with H3_DATAGRAM_ERROR", (_, text) => {
    expect(() => datagramStreamId(hex(text))).toThrow(
      expect.objectContaining({ code: "codec/malformed", http3Name: "H3_DATAGRAM_ERROR", http3Code: 0x33 }),
    );
  });
});
