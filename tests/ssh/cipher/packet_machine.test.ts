import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LENGTH_BYTES, PacketMachine, TAG_BYTES } from "../../../lib/ssh/cipher/packet_machine.ts";
import { sealedBySsh2 } from "./_ssh2_ciphers.ts";

const machine = new PacketMachine();

/** Length, body and tag. */
function seal(keys: Uint8Array, sequence: number, body: Uint8Array): Uint8Array {
  const packet = new Uint8Array(LENGTH_BYTES + body.length + TAG_BYTES);
  packet.set(body, LENGTH_BYTES);
  machine.seal(keys, { sequence, packet });
  return packet;
}

function open(keys: Uint8Array, sequence: number, packet: Uint8Array): Uint8Array | null {
  const bytes = packet.length - LENGTH_BYTES - TAG_BYTES;
  return machine.open(keys, { sequence, data: packet, at: 0, bytes });
}

function keysOf({ packets = "00".repeat(32), lengths = "00".repeat(32) }): Uint8Array {
  return Uint8Array.fromHex(packets + lengths);
}

const anyPacket = {
  keys: fc.uint8Array({ minLength: 64, maxLength: 64 }),
  sequence: fc.nat(2 ** 32 - 1),
  body: fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 800, size: "max" }),
    fc.integer({ min: 1, max: 35_000 }).map((length) =>
      Uint8Array.from({ length }, (_, i) => i * 7 + length)
    ),
  ),
};

describe("PacketMachine", () => {
  it.each([
    [
      "#2",
      "00".repeat(32),
      "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed" +
      "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f",
    ],
    [
      "#3",
      "00".repeat(31) + "01",
      "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a" +
      "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0",
    ],
  ])("hides a body in the stream of RFC 8439 A.1 %s, whose counter is 1", (_, packets, stream) => {
    const sealed = seal(keysOf({ packets }), 0, new Uint8Array(64));
    expect(sealed.subarray(LENGTH_BYTES, LENGTH_BYTES + 64).toHex()).toBe(stream);
  });

  it.each([["#1", 0, "76b8e0ad"], ["#5", 2, "c2c64d37"]])(
    "hides a length in the stream of RFC 8439 A.1 %s, whose counter is 0",
    (_, sequence, stream) => {
      const data = Uint8Array.fromHex(stream);
      data[3]! ^= 40;
      expect(machine.lengthOf(keysOf({}), { sequence, data, at: 0 })).toBe(40);
    },
  );

  it("seals byte for byte as ssh2 does, whatever the length, and opens it", () => {
    fc.assert(
      fc.property(anyPacket.keys, anyPacket.sequence, anyPacket.body, (keys, sequence, payload) => {
        const { packet, plain } = sealedBySsh2({ keys, sequence, payload });
        const body = plain.subarray(LENGTH_BYTES);
        expect(seal(keys, sequence, body).toHex()).toBe(packet.toHex());
        expect(machine.lengthOf(keys, { sequence, data: packet, at: 0 })).toBe(body.length);
        expect(open(keys, sequence, packet)!.toHex()).toBe(body.toHex());
      }),
      { numRuns: 300 },
    );
  });

  it("opens what it has sealed at any place of what was read", () => {
    fc.assert(
      fc.property(
        anyPacket.keys,
        anyPacket.sequence,
        anyPacket.body,
        fc.nat(40),
        (keys, sequence, body, at) => {
          const data = new Uint8Array(at + LENGTH_BYTES + body.length + TAG_BYTES);
          data.set(seal(keys, sequence, body), at);
          expect(machine.open(keys, { sequence, data, at, bytes: body.length })!.toHex()).toBe(body.toHex());
        },
      ),
      { numRuns: 100 },
    );
  });

  it.each([
    ["length", () => 0],
    ["body", () => LENGTH_BYTES + 8],
    ["last byte of the body", (length: number) => length - TAG_BYTES - 1],
    ["tag", (length: number) => length - TAG_BYTES],
    ["last byte of the tag", (length: number) => length - 1],
  ])("refuses a packet whose %s was changed, by any bit", (_, placeIn) => {
    const keys = crypto.getRandomValues(new Uint8Array(64));
    for (const length of [16, 256, 452, 32_768]) {
      const sealed = seal(keys, 7, new Uint8Array(length).fill(5));
      for (let bit = 0; bit < 8; bit++) {
        const changed = sealed.slice();
        changed[placeIn(sealed.length)]! ^= 1 << bit;
        expect(open(keys, 7, changed)).toBeNull();
      }
      expect(open(keys, 7, sealed)).not.toBeNull();
    }
  });

  it("refuses a packet of another number, or by other keys", () => {
    const keys = new Uint8Array(64).fill(1);
    const sealed = seal(keys, 7, new Uint8Array(64));
    expect(open(keys, 8, sealed)).toBeNull();
    expect(open(new Uint8Array(64).fill(2), 7, sealed)).toBeNull();
  });

  it("keeps nothing of a packet for the next one", () => {
    const keys = new Uint8Array(64).fill(1);
    const before = seal(keys, 1, new Uint8Array(40)).toHex();
    seal(new Uint8Array(64).fill(9), 5, new Uint8Array(35_000).fill(9));
    expect(seal(keys, 1, new Uint8Array(40)).toHex()).toBe(before);
  });

  it("takes no packet that has no room", () => {
    expect(() => seal(new Uint8Array(64), 0, new Uint8Array(60_001))).toThrow(RangeError);
    expect(() => open(new Uint8Array(64), 0, new Uint8Array(60_021))).toThrow(RangeError);
  });
});
