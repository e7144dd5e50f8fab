import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Poly1305 } from "../../../lib/ssh/cipher/_poly1305.ts";
import { all, i32, Locals, TYPE, wasmModule } from "../../../lib/ssh/cipher/_wasm.ts";

const KEY_AT = 0;
const ROOM_AT = 32;
const MESSAGE_AT = 64;

interface Exports {
  readonly memory: WebAssembly.Memory;
  tag(bytes: number): number;
}

/** The code of tags alone, behind a function that can be called. */
const { memory, tag } = ((): Exports => {
  const locals = new Locals();
  const [bytes, at] = [locals.add(TYPE.i32), locals.add(TYPE.i32)];
  const difference = locals.add(TYPE.i32);
  const poly1305 = new Poly1305(locals);
  const rest = i32.subtract(i32.add(i32.value(MESSAGE_AT), bytes.get), at.get);
  const body = all(
    at.set(i32.value(MESSAGE_AT)),
    poly1305.begin(i32.value(KEY_AT)),
    poly1305.takeRest(at, { bytes: rest, room: i32.value(ROOM_AT) }),
    poly1305.end(i32.value(KEY_AT), { at: at.get, difference }),
    difference.get,
  );
  const code = wasmModule(
    [{ name: "tag", params: [TYPE.i32], result: TYPE.i32, locals: locals.types, body }],
    {
      pages: 1,
    },
  );
  return new WebAssembly.Instance(new WebAssembly.Module(code)).exports as unknown as Exports;
})();

function tagOf(key: Uint8Array, message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(memory.buffer);
  bytes.set(key, KEY_AT);
  bytes.set(message, MESSAGE_AT);
  tag(message.length);
  return bytes.slice(MESSAGE_AT + message.length, MESSAGE_AT + message.length + 16);
}

/** RFC 8439 section 2.5.1, as it stands there. */
function tagByRfc(key: Uint8Array, message: Uint8Array): Uint8Array {
  const number = (bytes: Uint8Array) => bytes.reduceRight((sum, byte) => sum << 8n | BigInt(byte), 0n);
  const r = number(key.subarray(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  const prime = (1n << 130n) - 5n;
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const block = Uint8Array.of(...message.subarray(at, at + 16), 1);
    sum = (sum + number(block)) * r % prime;
  }
  const value = sum + number(key.subarray(16));
  return Uint8Array.from({ length: 16 }, (_, i) => Number(value >> BigInt(8 * i) & 255n));
}

const bytesOf = (hex: string) => Uint8Array.fromHex(hex.replaceAll(" ", ""));
const zeros = (count: number) => "00".repeat(count);
const ones = (count: number) => "ff".repeat(count);

describe("Poly1305", () => {
  it.each([
    [
      "section 2.5.2",
      "85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b",
      new TextEncoder().encode("Cryptographic Forum Research Group").toHex(),
      "a8061dc1305136c6c22b8baf0c0127a9",
    ],
    ["A.3 #1", zeros(32), zeros(64), zeros(16)],
    ["A.3 #7", `02${zeros(31)}`, ones(16), `03${zeros(15)}`],
    ["A.3 #8", `02${zeros(15)}${ones(16)}`, `02${zeros(15)}`, `03${zeros(15)}`],
    ["A.3 #9", `01${zeros(31)}`, `${ones(16)}f0${ones(15)}11${zeros(15)}`, `05${zeros(15)}`],
    ["A.3 #10", `01${zeros(31)}`, `${ones(16)}fb${"fe".repeat(15)}${"01".repeat(16)}`, zeros(16)],
    ["A.3 #11", `02${zeros(31)}`, `fd${ones(15)}`, `fa${ones(15)}`],
    [
      "A.3 #12",
      `01${zeros(7)}04${zeros(23)}`,
      `e33594d7505e43b9${zeros(8)}3394d7505e4379cd01${zeros(7)}${zeros(16)}01${zeros(15)}`,
      `14${zeros(7)}55${zeros(7)}`,
    ],
    [
      "A.3 #13",
      `01${zeros(7)}04${zeros(23)}`,
      `e33594d7505e43b9${zeros(8)}3394d7505e4379cd01${zeros(7)}${zeros(16)}`,
      `13${zeros(15)}`,
    ],
    ["2.5 where the sum is 2^130 - 5 itself", `01${zeros(31)}`, `fb${ones(15)}${zeros(32)}`, zeros(16)],
    ["2.5 where the sum is one less", `01${zeros(31)}`, `fa${ones(15)}${zeros(32)}`, `fa${ones(15)}`],
    ["2.5 where the sum is one more", `01${zeros(31)}`, `fc${ones(15)}${zeros(32)}`, `01${zeros(15)}`],
  ])("gives the tag of RFC 8439 %s", (_, key, message, expected) => {
    expect(tagOf(bytesOf(key), bytesOf(message)).toHex()).toBe(expected);
  });

  it("gives the tag that the RFC's own arithmetic gives, whatever key and message", () => {
    const edge = fc.constantFrom(0, 1, 4, 5, 250, 251, 252, 253, 254, 255);
    const bytes = (options: { minLength: number; maxLength: number }) =>
      fc.array(fc.oneof(edge, fc.nat(255)), options).map((array) => Uint8Array.from(array));
    fc.assert(
      fc.property(
        bytes({ minLength: 32, maxLength: 32 }),
        bytes({ minLength: 0, maxLength: 100 }),
        (key, message) => {
          expect(tagOf(key, message)).toEqual(tagByRfc(key, message));
        },
      ),
      { numRuns: 500 },
    );
  });
});
