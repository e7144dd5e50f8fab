import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import {
  CertificateRequestDecoder,
  type CertificateWish,
  MAX_SERVER_FLIGHT_BYTES,
} from "../../lib/codec/certificate_request.ts";
import { CodecError } from "../../lib/codec/codec_error.ts";

const length = (size: number, value: number) =>
  Uint8Array.from({ length: size }, (_, at) => value >> (8 * (size - 1 - at)));
const vector = (size: number, ...parts: Uint8Array[]) => {
  const body = concatBytes(parts);
  return concatBytes([length(size, body.length), body]);
};
const message = (type: number, body: Uint8Array) => concatBytes([Uint8Array.of(type), vector(3, body)]);
const record = (body: Uint8Array, type = 22) => concatBytes([Uint8Array.of(type, 3, 3), vector(2, body)]);

const NAMES = [utf8("first name"), utf8("second")];
const HELLO = message(2, new Uint8Array(70));
const CERTIFICATE = message(11, new Uint8Array(900));
const KEY_EXCHANGE = message(12, new Uint8Array(100));
const DONE = message(14, new Uint8Array());
const request = (names: readonly Uint8Array[]) =>
  message(
    13,
    concatBytes([
      vector(1, Uint8Array.of(1, 64)),
      vector(2, Uint8Array.of(4, 3, 8, 4)),
      vector(2, ...names.map((name) => vector(2, name))),
    ]),
  );

function decode(...chunks: Uint8Array[]): CertificateWish | null {
  const decoder = new CertificateRequestDecoder();
  for (const chunk of chunks) {
    const wish = decoder.push(chunk);
    if (wish !== null) return wish;
  }
  return null;
}

describe("CertificateRequestDecoder", () => {
  const messages = concatBytes([HELLO, CERTIFICATE, KEY_EXCHANGE, request(NAMES), DONE]);
  const wish = { isAsked: true, authorities: NAMES };

  it("finds the names in one record, or in a record for each message", () => {
    expect(decode(record(messages))).toEqual(wish);
    expect(decode(...[HELLO, CERTIFICATE, request(NAMES)].map((one) => record(one)))).toEqual(wish);
  });

  it("finds them wherever records and chunks are divided", () => {
    for (let at = 1; at < messages.length; at += 13) {
      const bytes = concatBytes([record(messages.subarray(0, at)), record(messages.subarray(at))]);
      expect(decode(bytes.subarray(0, at), bytes.subarray(at))).toEqual(wish);
    }
  });

  it("knows a request without names from no request", () => {
    expect(decode(record(concatBytes([HELLO, request([]), DONE])))).toEqual({
      isAsked: true,
      authorities: [],
    });
    expect(decode(record(concatBytes([HELLO, CERTIFICATE, DONE])))).toEqual({
      isAsked: false,
      authorities: [],
    });
  });

  it.each<[string, Uint8Array, string]>([
    ["an alert", record(Uint8Array.of(2, 70), 21), "codec/unexpected"],
    ["another protocol", utf8("HTTP/1.1 400 Bad Request"), "codec/unexpected"],
    ["a message of another time", record(message(20, new Uint8Array(12))), "codec/unexpected"],
    ["a name without bytes", record(request([new Uint8Array()])), "codec/malformed"],
    [
      "a list that is cut off",
      record(message(13, Uint8Array.of(1, 1, 0, 2, 4, 3, 0, 9, 0))),
      "codec/malformed",
    ],
    [
      "something after the list",
      record(message(13, Uint8Array.of(1, 1, 0, 2, 4, 3, 0, 0, 0))),
      "codec/malformed",
    ],
    ["more than its bound", record(message(11, new Uint8Array(MAX_SERVER_FLIGHT_BYTES))), "codec/too-large"],
  ])("refuses %s", (_title, bytes, code) => {
    const refusal = () => decode(bytes);
    expect(refusal).toThrow(CodecError);
    expect(refusal).toThrow(expect.objectContaining({ code }));
  });

  it("either waits, decodes, or throws CodecError on any bytes", () => {
    const anything = fc.uint8Array({ maxLength: 300 });
    const inside = anything.map((bytes) => record(message(13, bytes)));
    fc.assert(fc.property(fc.oneof(anything, inside), (bytes) => {
      try {
        decode(bytes);
      } catch (error) {
        if (!(error instanceof CodecError)) throw error;
      }
    }));
  });
});
