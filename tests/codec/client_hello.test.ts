import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import {
  type ClientHello,
  ClientHelloDecoder,
  MAX_CLIENT_HELLO_BYTES,
} from "../../lib/codec/client_hello.ts";
import { CodecError } from "../../lib/codec/codec_error.ts";

const be = (size: number, value: number) =>
  Uint8Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** (size - 1 - i)) % 256);
const vector = (lengthSize: number, ...parts: Uint8Array[]) =>
  concatBytes([be(lengthSize, concatBytes(parts).length), ...parts]);
const extension = (type: number, ...data: Uint8Array[]) => concatBytes([be(2, type), vector(2, ...data)]);
const named = (type: number, name: Uint8Array) => concatBytes([be(1, type), vector(2, name)]);
const serverName = (name: string) => extension(0, vector(2, named(0, utf8(name))));
const protocols = (...names: string[]) =>
  extension(16, vector(2, ...names.map((name) => vector(1, utf8(name)))));

interface Parts {
  version?: Uint8Array;
  sessionId?: Uint8Array;
  suites?: Uint8Array;
  compression?: Uint8Array;
  /** `null`: there is no list at all. */
  extensions?: readonly Uint8Array[] | null;
  after?: Uint8Array;
}

function message(parts: Parts = {}, type = 1): Uint8Array {
  const { extensions = [], after = new Uint8Array(0) } = parts;
  const body = concatBytes([
    parts.version ?? be(2, 0x0303),
    new Uint8Array(32).fill(7),
    vector(1, parts.sessionId ?? new Uint8Array(32)),
    vector(2, parts.suites ?? be(2, 0x1301)),
    vector(1, parts.compression ?? be(1, 0)),
    extensions === null ? new Uint8Array(0) : vector(2, ...extensions),
    after,
  ]);
  return concatBytes([be(1, type), be(3, body.length), body]);
}

/** The message in records of `size` bytes. */
function inRecords(handshake: Uint8Array, size = 2 ** 14): Uint8Array {
  const records: Uint8Array[] = [];
  for (let at = 0; at < handshake.length; at += size) {
    records.push(be(1, 22), be(2, 0x0301), vector(2, handshake.subarray(at, at + size)));
  }
  return concatBytes(records);
}

/** What comes of the chunks: the message, `null` for more, or the code of the failure. */
function decode(...chunks: Uint8Array[]): ClientHello | null | string {
  const decoder = new ClientHelloDecoder();
  try {
    for (const chunk of chunks) {
      const hello = decoder.push(chunk);
      if (hello !== null) return hello;
    }
    return null;
  } catch (error) {
    if (error instanceof CodecError) return error.code;
    throw error;
  }
}

const typical = message({
  extensions: [
    extension(43, vector(1, be(2, 0x0304))),
    serverName("redis.example.com"),
    protocols("h2", "http/1.1"),
  ],
});
const TYPICAL = { serverName: "redis.example.com", alpn: ["h2", "http/1.1"] };

/** RFC 8448 section 3: the ClientHello of "Simple 1-RTT Handshake", as it is on the wire. */
const RFC_8448 = Uint8Array.fromHex(
  "16030100c4010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7000006" +
    "130113031302010000910000000b0009000006736572766572ff01000100000a00140012001d0017001800190100" +
    "01010102010301040023000000330026002400" +
    "1d002099381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c" +
    "002b0003020304000d0020001e040305030603020308040805080604010501060102010402050206020202" +
    "002d00020101001c00024001",
);

describe("ClientHelloDecoder", () => {
  it("reads the example of RFC 8448", () => {
    expect(decode(RFC_8448)).toEqual({ serverName: "server", alpn: [] });
  });

  it.each<[string, Uint8Array, ClientHello]>([
    ["name and protocols", typical, TYPICAL],
    ["no extensions at all", message({ extensions: null }), { serverName: null, alpn: [] }],
    ["an empty list of extensions", message(), { serverName: null, alpn: [] }],
    ["a name as it was spelt", message({ extensions: [serverName("A.Test.")] }), {
      serverName: "A.Test.",
      alpn: [],
    }],
    [
      "a name beside one of another type",
      message({
        extensions: [extension(0, vector(2, named(9, utf8("x")), named(0, utf8("a.test"))))],
      }),
      { serverName: "a.test", alpn: [] },
    ],
    [
      "only a name of another type",
      message({ extensions: [extension(0, vector(2, named(9, utf8("x"))))] }),
      { serverName: null, alpn: [] },
    ],
    [
      "the longest name",
      message({ extensions: [serverName("x".repeat(255))] }),
      { serverName: "x".repeat(255), alpn: [] },
    ],
    [
      "a protocol that is not text",
      message({ extensions: [extension(16, vector(2, vector(1, be(2, 0x0aff))))] }),
      {
        serverName: null,
        alpn: ["\n\xff"],
      },
    ],
  ])("reads %s", (_, handshake, hello) => {
    expect(decode(inRecords(handshake))).toEqual(hello);
  });

  it("does not look at what comes after the message", () => {
    expect(decode(concatBytes([inRecords(typical), utf8("anything")]))).toEqual(TYPICAL);
    expect(decode(inRecords(concatBytes([typical, utf8("anything")])))).toEqual(TYPICAL);
  });

  it.each([1, 2, 3, 4, 5, 50, typical.length - 1])("puts records of %i bytes together", (size) => {
    expect(decode(inRecords(typical, size))).toEqual(TYPICAL);
  });

  it("asks for more until the last byte, in whichever two chunks it comes", () => {
    for (const size of [7, 2 ** 14]) {
      const bytes = inRecords(typical, size);
      for (let at = 0; at < bytes.length; at++) {
        expect(decode(bytes.subarray(0, at))).toBeNull();
        expect(decode(bytes.subarray(0, at), bytes.subarray(at))).toEqual(TYPICAL);
      }
    }
  });

  it("reads a message that comes byte by byte, from a buffer that is used again", () => {
    const decoder = new ClientHelloDecoder();
    const buffer = new Uint8Array(1);
    const found = [...inRecords(typical)].map((byte) => {
      buffer[0] = byte;
      return decoder.push(buffer);
    });
    expect(found.at(-1)).toEqual(TYPICAL);
  });

  it.each([
    ["HTTP", utf8("GET / HTTP/1.1\r\n")],
    ["an alert", concatBytes([be(1, 21), be(2, 0x0303), vector(2, be(2, 0x0228))])],
    ["SSL 2", Uint8Array.of(0x80, 0x2e, 1, 3, 1)],
    ["a record of another major version", Uint8Array.of(22, 2)],
    ["a ServerHello", inRecords(message({}, 2))],
    ["an alert in the midst", concatBytes([inRecords(typical.subarray(0, 20)), be(1, 21)])],
  ])("refuses %s as unexpected", (_, bytes) => {
    expect(decode(bytes)).toBe("codec/unexpected");
  });

  it.each<[string, Uint8Array]>([
    ["an empty record", Uint8Array.of(22, 3, 1, 0, 0)],
    ["a record above 2^14 bytes", Uint8Array.of(22, 3, 1, 0x40, 1)],
    ["an empty message", inRecords(Uint8Array.of(1, 0, 0, 0))],
    ["a long session id", inRecords(message({ sessionId: new Uint8Array(33) }))],
    ["no cipher suites", inRecords(message({ suites: new Uint8Array(0) }))],
    ["half a cipher suite", inRecords(message({ suites: new Uint8Array(3) }))],
    ["no compression method", inRecords(message({ compression: new Uint8Array(0) }))],
    ["bytes after the extensions", inRecords(message({ after: be(1, 0) }))],
    ["extensions that end early", inRecords(message({ extensions: null, after: be(2, 4) }))],
    ["an extension that ends early", inRecords(message({ extensions: [be(2, 0)] }))],
    ["an extension twice", inRecords(message({ extensions: [serverName("a"), serverName("a")] }))],
    ["an empty server name extension", inRecords(message({ extensions: [extension(0)] }))],
    ["an empty list of names", inRecords(message({ extensions: [extension(0, be(2, 0))] }))],
    ["an empty name", inRecords(message({ extensions: [serverName("")] }))],
    ["a name of 256 characters", inRecords(message({ extensions: [serverName("x".repeat(256))] }))],
    [
      "two names",
      inRecords(message({
        extensions: [extension(0, vector(2, named(0, utf8("a")), named(0, utf8("b"))))],
      })),
    ],
    [
      "bytes after the names",
      inRecords(message({
        extensions: [extension(0, vector(2, named(0, utf8("a"))), be(1, 0))],
      })),
    ],
    ["a space in a name", inRecords(message({ extensions: [serverName("a b")] }))],
    ["a NUL in a name", inRecords(message({ extensions: [serverName("a\0b")] }))],
    ["a name beyond ASCII", inRecords(message({ extensions: [serverName("ä.test")] }))],
    ["no protocols", inRecords(message({ extensions: [protocols()] }))],
    ["an empty protocol", inRecords(message({ extensions: [protocols("", "h2")] }))],
  ])("refuses %s as malformed", (_, bytes) => {
    expect(decode(bytes)).toBe("codec/malformed");
  });

  const padded = (bytes: number) =>
    message({ extensions: [extension(21, new Uint8Array(bytes)), serverName("a")] });

  it("reads a message just as large as it may be, and none that is larger", () => {
    const records = 4 * 5;
    const largest = MAX_CLIENT_HELLO_BYTES - records - padded(0).length;
    expect(decode(inRecords(padded(largest)))).toMatchObject({ serverName: "a" });
    expect(decode(inRecords(padded(largest + 1)))).toBe("codec/too-large");
  });

  it("refuses a message that says it is too large as soon as it says so", () => {
    expect(decode(inRecords(Uint8Array.of(1, 1, 0, 0)))).toBe("codec/too-large");
  });

  it("counts the headers of tiny records", () => {
    expect(decode(inRecords(padded(12_000), 1))).toBe("codec/too-large");
  });

  const someBytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }).map((body) =>
      inRecords(concatBytes([Uint8Array.of(1, 0, 0, body.length), body]))
    ),
    // One byte of a good one changed.
    fc.tuple(fc.nat(typical.length - 1), fc.nat(255), fc.integer({ min: 1, max: 300 })).map(
      ([at, byte, size]) => {
        const bytes = typical.slice();
        bytes[at] = byte;
        return inRecords(bytes, size);
      },
    ),
  );

  it("either decodes any bytes, asks for more, or says that they are wrong; the same in every two chunks", () => {
    fc.assert(fc.property(someBytes, fc.nat(), (bytes, seed) => {
      const whole = decode(bytes);
      const at = bytes.length === 0 ? 0 : seed % bytes.length;
      expect(decode(bytes.subarray(0, at), bytes.subarray(at))).toEqual(whole);
    }));
  });

  it("finds any name and any protocols again, in records of any size", () => {
    const name = fc.stringMatching(/^[a-z0-9.-]{1,100}$/);
    const alpn = fc.array(fc.stringMatching(/^[ -~]{1,20}$/), { minLength: 1, maxLength: 5 });
    fc.assert(fc.property(name, alpn, fc.integer({ min: 1, max: 400 }), (name, alpn, size) => {
      const bytes = inRecords(message({ extensions: [protocols(...alpn), serverName(name)] }), size);
      expect(decode(bytes)).toEqual({ serverName: name, alpn });
    }));
  });
});
