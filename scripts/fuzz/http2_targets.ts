import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import { encodeFieldBlock, FieldBlockDecoder } from "../../lib/codec/hpack.ts";
import {
  encodeHeaders,
  encodeHttp2Frame,
  encodeHttp2Goaway,
  encodeRstStream,
  encodeWindowUpdate,
  fieldBlockPart,
  HTTP2_FRAME,
  Http2FrameDecoder,
} from "../../lib/codec/http2_frame.ts";
import {
  DEFAULT_HTTP2_SETTINGS,
  encodeHttp2Settings,
  parseHttp2Settings,
} from "../../lib/codec/http2_settings.ts";
import type { Field } from "../../lib/codec/qpack.ts";

const BOUNDS = { maxBytes: 64 * 1024, maxFields: 100 };
const FIELDS: readonly Field[] = [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "a.test"],
  [":path", "/a?b=c"],
  ["x-bytes", "\x01\xff \x7f"],
];

/** Frames that the others come of. */
export const HTTP2_FRAMES: readonly Uint8Array[] = [
  concatBytes([
    encodeHttp2Settings({ maxStreams: 100, initialWindowBytes: 2 ** 20, enableConnectProtocol: true }),
    encodeWindowUpdate(0, 2 ** 20),
    ...encodeHeaders(encodeFieldBlock(FIELDS), { streamId: 1, maxFrameBytes: 20 }),
    encodeHttp2Frame({ type: HTTP2_FRAME.data, flags: 0, streamId: 1 }, utf8("abc")),
    encodeHttp2Frame({ type: HTTP2_FRAME.data, flags: 9, streamId: 1 }, utf8("\x02abc\0\0")),
  ]),
  concatBytes([
    encodeHttp2Frame({ type: HTTP2_FRAME.headers, flags: 0x2d, streamId: 3 }, utf8("\x01\0\0\0\0\x09\x82\0")),
    encodeRstStream(3, 8),
    encodeHttp2Goaway(3, 0),
    encodeHttp2Frame({ type: HTTP2_FRAME.ping, flags: 1, streamId: 0 }, new Uint8Array(8)),
  ]),
];

/** Field blocks that the others come of, the length of each before it. */
export const FIELD_BLOCKS: readonly Uint8Array[] = [
  [encodeFieldBlock(FIELDS), encodeFieldBlock(FIELDS.slice(0, 2))],
  // RFC 7541 appendix C.4.
  [
    "828684418cf1e3c2e5f23a6ba0ab90f4ff",
    "828684be5886a8eb10649cbf",
    "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
  ]
    .map((hex) => Uint8Array.fromHex(hex)),
  ["3fe101400161016240016301643f20be", "20be"].map((hex) => Uint8Array.fromHex(hex)),
].map((blocks) => concatBytes(blocks.flatMap((block) => [Uint8Array.of(block.length), block])));

/** Takes frames of a server in pieces. @throws {Http2Error} */
export function http2Frames(chunks: readonly Uint8Array[]): string {
  const found: string[] = [];
  let content = "";
  const decoder = new Http2FrameDecoder({
    beginData: (id, length) => void found.push(`${id} ${length}`),
    data: (_id, part) => void (content += part.toHex()),
    endData: (id, end) => {
      found.push(`${id} ${content} ${JSON.stringify(end)}`);
      content = "";
    },
    frame({ type, flags, streamId }, payload) {
      found.push(`${type} ${flags} ${streamId} ${payload.toHex()}`);
      if (type === HTTP2_FRAME.headers) found.push(fieldBlockPart(flags, payload).toHex());
      if (type === HTTP2_FRAME.settings) {
        found.push(JSON.stringify(parseHttp2Settings(payload, DEFAULT_HTTP2_SETTINGS)));
      }
    },
  }, { from: "server" });
  for (const chunk of chunks) decoder.push(chunk);
  return found.join();
}

/** Reads field blocks one after the other. @throws {Http2Error} and when what was read is not read again */
export function fieldBlocks(input: Uint8Array): string {
  const decoder = new FieldBlockDecoder();
  const found: string[] = [];
  for (let at = 0; at < input.length; at += 1 + input[at]!) {
    const fields = decoder.decode(input.subarray(at + 1, at + 1 + input[at]!), BOUNDS);
    const again = fields === null ? null : new FieldBlockDecoder().decode(encodeFieldBlock(fields), BOUNDS);
    if (JSON.stringify(again) !== JSON.stringify(fields)) {
      throw new Error("what was encoded again is another block");
    }
    found.push(JSON.stringify(fields));
  }
  return found.join();
}
