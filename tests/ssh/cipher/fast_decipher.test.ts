import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FastCipher, RandomBytes, type Ssh2Cipher } from "../../../lib/ssh/cipher/fast_cipher.ts";
import { FastDecipher, type OnPayload, type Ssh2Decipher } from "../../../lib/ssh/cipher/fast_decipher.ts";
import { PacketMachine } from "../../../lib/ssh/cipher/packet_machine.ts";
import { sealedBySsh2, ssh2Cipher, ssh2Decipher } from "./_ssh2_ciphers.ts";

const machine = new PacketMachine();
const keys = Uint8Array.from({ length: 64 }, (_, i) => i * 3);
const payloads = [
  Uint8Array.of(),
  Uint8Array.of(2),
  new Uint8Array(63).fill(7),
  new Uint8Array(20_000).fill(8),
];

function packets(first: number, list: readonly Uint8Array[] = payloads): Buffer {
  return Buffer.concat(
    list.map((payload, i) => sealedBySsh2({ keys, sequence: (first + i) >>> 0, payload }).packet),
  );
}

function decipher(sequence: number, onPayload: OnPayload): FastDecipher {
  return new FastDecipher(ssh2Decipher({ keys, sequence, onPayload }) as Ssh2Decipher, machine);
}

/** What comes of input in these pieces. */
function opened(pieces: readonly Uint8Array[], sequence: number): string[] {
  const seen: string[] = [];
  const receiver = decipher(sequence, (payload) => void seen.push(payload.toHex()));
  for (const piece of pieces) expect(receiver.decrypt(piece, 0, piece.length)).toBeUndefined();
  return seen;
}

describe("FastDecipher", () => {
  const expected = payloads.map((payload) => payload.toHex());

  it("takes what ssh2 has sealed, over the last number there is", () => {
    expect(opened([packets(2 ** 32 - 2)], 2 ** 32 - 2)).toEqual(expected);
    const receiver = decipher(2 ** 32 - 1, () => {});
    const input = packets(2 ** 32 - 1);
    receiver.decrypt(input, 0, input.length);
    expect(receiver.inSeqno).toBe(payloads.length - 1);
  });

  it("takes it in any pieces", () => {
    const input = packets(3);
    fc.assert(
      fc.property(fc.array(fc.nat(input.length), { maxLength: 12 }), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), input.length];
        const pieces = places.slice(1).map((place, i) => input.subarray(places[i]!, place));
        expect(opened(pieces, 3)).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  it("takes it byte by byte", () => {
    const input = packets(3, payloads.slice(0, 3));
    expect(opened([...input].map((byte) => Uint8Array.of(byte)), 3)).toEqual(expected.slice(0, 3));
  });

  it("begins and stops where it is told", () => {
    const input = Buffer.concat([Buffer.alloc(5), packets(3), Buffer.alloc(5)]);
    const seen: number[] = [];
    decipher(3, (payload) => void seen.push(payload.length)).decrypt(input, 5, input.length - 5);
    expect(seen).toEqual(payloads.map(({ length }) => length));
  });

  it("leaves what is behind a packet that brings new keys", () => {
    const input = packets(3);
    const first = sealedBySsh2({ keys, sequence: 3, payload: payloads[0]! }).packet.length;
    expect(decipher(3, () => false).decrypt(input, 0, input.length)).toBe(first);
  });

  it("gives nothing of a packet that was changed", () => {
    const input = packets(3, [new Uint8Array(100)]);
    input[30]! ^= 1;
    const seen: unknown[] = [];
    const receiver = decipher(3, (payload) => void seen.push(payload));
    expect(() => receiver.decrypt(input, 0, input.length)).toThrow("Invalid MAC");
    expect(seen).toEqual([]);
  });

  it.each([0, 7, 12, 35_008, 2 ** 31, 2 ** 32 - 8])(
    "refuses a length of %i before there is more of the packet",
    (length) => {
      const zero = packets(3, [Uint8Array.of(1)]);
      const mask = zero.readUInt32BE() ^ machine.lengthOf(keys, { sequence: 3, data: zero, at: 0 });
      const head = Buffer.alloc(4);
      head.writeUInt32BE((mask ^ length) >>> 0);
      expect(() => decipher(3, () => {}).decrypt(head, 0, 4)).toThrow("Bad packet length");
    },
  );

  it.each([0, 3, 16, 255])("refuses padding of %i bytes in a body of 16", (padding) => {
    const packet = Buffer.alloc(4 + 16 + 16);
    packet[4] = padding;
    machine.seal(keys, { sequence: 3, packet });
    expect(() => decipher(3, () => {}).decrypt(packet, 0, packet.length)).toThrow("Bad padding length");
  });

  it("gives payloads away, which then stay as they are, and lends them to who says so", () => {
    const list = [1, 2, 3].map((value) => new Uint8Array(20_000).fill(value));
    const kept: Uint8Array[] = [];
    const keep: OnPayload = (payload) => void kept.push(payload);
    const input = packets(3, list);
    decipher(3, keep).decrypt(input, 0, input.length);
    expect(kept.map((payload) => payload[0])).toEqual([1, 2, 3]);
    kept.length = 0;
    decipher(3, Object.assign(keep, { borrows: true })).decrypt(input, 0, input.length);
    expect(kept.map((payload) => payload[0])).toEqual([3, 3, 3]);
  });

  it("lends memory that sending does not touch", () => {
    const sender = cipher(9, () => {});
    let seen = "";
    const borrower: OnPayload = (payload) => {
      sender.encrypt(sender.allocPacket(20_000));
      seen = payload.toHex();
    };
    const input = packets(3, [payloads[3]!]);
    decipher(3, Object.assign(borrower, { borrows: true })).decrypt(input, 0, input.length);
    expect(seen).toBe(expected[3]);
  });
});

function cipher(sequence: number, onWrite: (data: Uint8Array) => void): FastCipher {
  const made = ssh2Cipher({ keys, sequence, onWrite }) as unknown as Ssh2Cipher;
  return new FastCipher(made, { machine, padding: new RandomBytes() });
}

describe("FastCipher", () => {
  it("sends packets that are taken again, each in one piece", () => {
    const written: Uint8Array[] = [];
    const sender = cipher(2 ** 32 - 1, (data) => written.push(data));
    const list = Array.from({ length: 300 }, (_, i) => new Uint8Array(i).fill(i)).concat(payloads);
    for (const payload of list) {
      const packet = sender.allocPacket(payload.length);
      packet.set(payload, 5);
      sender.encrypt(packet);
    }
    expect(written.length).toBe(list.length);
    expect(opened(written, 2 ** 32 - 1)).toEqual(list.map((payload) => payload.toHex()));
    expect(sender.outSeqno).toBe(list.length - 1);
  });

  it("sends nothing any more once it is over", () => {
    const written: Uint8Array[] = [];
    const sender = cipher(0, (data) => written.push(data));
    sender.free();
    sender.encrypt(sender.allocPacket(10));
    expect(written).toEqual([]);
  });
});
