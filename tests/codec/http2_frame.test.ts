import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes } from "../../lib/base/bytes.ts";
import { Http2Error } from "../../lib/codec/http2_error.ts";
import {
  CLIENT_PREFACE,
  encodeHeaders,
  encodeHttp2Frame,
  encodeHttp2Goaway,
  encodeRstStream,
  encodeWindowUpdate,
  fieldBlockPart,
  HTTP2_FLAG,
  HTTP2_FRAME,
  Http2FrameDecoder,
} from "../../lib/codec/http2_frame.ts";

const bytesOf = (hex: string) => Uint8Array.fromHex(hex.replaceAll(" ", ""));

/** What a decoder makes of chunks, in words; the parts of DATA put together. */
function read(chunks: readonly Uint8Array[], from: "client" | "server" = "server"): string[] {
  const seen: string[] = [];
  let data = "";
  const decoder = new Http2FrameDecoder({
    beginData: (id, length) => void seen.push(`DATA ${id} of ${length}`),
    data: (_id, part) => void (data += part.toHex()),
    endData: (id, { isLast, paddingBytes }) => {
      seen.push(`${id}: ${data}${isLast ? ", the last" : ""}, ${paddingBytes} of padding`);
      data = "";
    },
    frame: ({ type, flags, streamId }, payload) =>
      void seen.push(`${type} ${flags} ${streamId} ${payload.toHex()}`),
  }, { from });
  for (const chunk of chunks) decoder.push(chunk);
  return seen;
}

const FRAMES = concatBytes([
  encodeHttp2Frame({ type: 4, flags: 0, streamId: 0 }, new Uint8Array(0)),
  encodeHttp2Frame({ type: 0, flags: 0, streamId: 1 }, bytesOf("0102")),
  encodeHttp2Frame({ type: 0, flags: HTTP2_FLAG.padded, streamId: 3 }, bytesOf("02 0a0b 0000")),
  encodeHttp2Frame({ type: 0, flags: HTTP2_FLAG.padded | HTTP2_FLAG.endStream, streamId: 3 }, bytesOf("00")),
  encodeHttp2Frame({ type: 0, flags: HTTP2_FLAG.endStream, streamId: 1 }, new Uint8Array(0)),
  encodeHttp2Frame({ type: 99, flags: 255, streamId: 2 ** 31 - 1 }, bytesOf("ff")),
]);
const READ = [
  "4 0 0 ",
  "DATA 1 of 2",
  "1: 0102, 0 of padding",
  "DATA 3 of 5",
  "3: 0a0b, 3 of padding",
  "DATA 3 of 1",
  "3: , the last, 1 of padding",
  "DATA 1 of 0",
  "1: , the last, 0 of padding",
  "99 255 2147483647 ff",
];

describe("Http2FrameDecoder", () => {
  it.each(Array.from({ length: FRAMES.length + 1 }, (_, split) => split))(
    "reads frames, split at %i",
    (split) => {
      expect(read([FRAMES.subarray(0, split), FRAMES.subarray(split)])).toEqual(READ);
    },
  );

  it("reads frames byte by byte, after the preface of a client", () => {
    const bytes = concatBytes([CLIENT_PREFACE, FRAMES]);
    expect(read([...bytes].map((byte) => Uint8Array.of(byte)), "client")).toEqual(READ);
  });

  it("passes over the reserved bit of a stream", () => {
    expect(read([bytesOf("000000 06 00 80000005")])).toEqual(["6 0 5 "]);
  });

  it.each<[string, string, string]>([
    ["another protocol", "474554202f", "PROTOCOL_ERROR"],
    ["a frame of 16,385 bytes", CLIENT_PREFACE.toHex() + "004001 00 00 00000001", "FRAME_SIZE_ERROR"],
    [
      "DATA with padding that has no length",
      CLIENT_PREFACE.toHex() + "000000 00 08 00000001",
      "FRAME_SIZE_ERROR",
    ],
    [
      "DATA that is shorter than its padding",
      CLIENT_PREFACE.toHex() + "000002 00 08 00000001 02 00",
      "PROTOCOL_ERROR",
    ],
  ])("refuses %s", (_, hex, http2Name) => {
    expect(() => read([bytesOf(hex)], "client")).toThrow(expect.objectContaining({ http2Name }));
  });

  it("either reads any bytes or throws an Http2Error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(FRAMES.length), (bytes, at) => {
        try {
          read([concatBytes([FRAMES.subarray(0, at), bytes, FRAMES])]);
        } catch (error) {
          if (!(error instanceof Http2Error)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("fieldBlockPart()", () => {
  it.each<[string, number, string, string]>([
    ["alone", 0, "8286", "8286"],
    ["with padding", HTTP2_FLAG.padded, "02 8286 0000", "8286"],
    ["with priority", HTTP2_FLAG.priority, "0000000010 8286", "8286"],
    ["with both", HTTP2_FLAG.padded | HTTP2_FLAG.priority, "01 8000000010 8286 00", "8286"],
  ])("finds it %s", (_, flags, payload, part) => {
    expect(fieldBlockPart(flags, bytesOf(payload)).toHex()).toBe(part);
  });

  it.each<[string, number, string, string]>([
    ["no length of the padding", HTTP2_FLAG.padded, "", "FRAME_SIZE_ERROR"],
    ["more padding than bytes", HTTP2_FLAG.padded, "02 00", "PROTOCOL_ERROR"],
    ["half a priority", HTTP2_FLAG.priority, "00000000", "FRAME_SIZE_ERROR"],
  ])("refuses %s", (_, flags, payload, http2Name) => {
    expect(() => fieldBlockPart(flags, bytesOf(payload))).toThrow(expect.objectContaining({ http2Name }));
  });
});

describe("encodeHeaders()", () => {
  it.each([0, 1, 9, 10, 11, 20, 25])("divides a block of %i bytes over frames", (length) => {
    const block = Uint8Array.from({ length }, (_, at) => at);
    const frames = encodeHeaders(block, { streamId: 7, maxFrameBytes: 10 });
    expect(concatBytes(frames.map((frame) => frame.subarray(9)))).toEqual(block);
    expect(frames.map((frame) => frame[3])).toEqual([
      HTTP2_FRAME.headers,
      ...Array(frames.length - 1).fill(9),
    ]);
    expect(frames.map((frame) => frame[4])).toEqual([
      ...Array(frames.length - 1).fill(0),
      HTTP2_FLAG.endHeaders,
    ]);
    expect(frames.every((frame) => frame.length <= 19)).toBe(true);
  });
});

it.each<[string, Uint8Array, string]>([
  ["RST_STREAM", encodeRstStream(5, 8), "000004 03 00 00000005 00000008"],
  ["WINDOW_UPDATE", encodeWindowUpdate(0, 2 ** 31 - 1), "000004 08 00 00000000 7fffffff"],
  ["GOAWAY", encodeHttp2Goaway(9, 11), "000008 07 00 00000000 00000009 0000000b"],
])("%s is written as RFC 9113 has it", (_, frame, hex) => {
  expect(frame).toEqual(bytesOf(hex));
});
