import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { HTTP2_ERROR, type Http2ErrorName } from "../../lib/codec/http2_error.ts";
import { encodeFieldBlock } from "../../lib/codec/hpack.ts";
import { encodeHttp2Settings } from "../../lib/codec/http2_settings.ts";
import type { Field } from "../../lib/codec/qpack.ts";
import { until } from "../_support/until.ts";
import {
  CONNECT,
  END_HEADERS,
  END_STREAM,
  frame,
  FrameClient,
  GET,
  head,
  POST,
  serveInMemory,
} from "./_http2.ts";

const [
  DATA,
  HEADERS,
  PRIORITY,
  RST_STREAM,
  SETTINGS,
  PUSH_PROMISE,
  PING,
  GOAWAY,
  WINDOW_UPDATE,
  CONTINUATION,
] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
const BLOCK = encodeFieldBlock(GET);
const OPEN = head(1, POST, END_HEADERS);
const MANY_FIELDS: readonly Field[] = [...GET, ...Array.from({ length: 2000 }, (): Field => ["a", "b"])];

describe("a client that breaks a rule of the connection (RFC 9113)", () => {
  it.each<[string, Http2ErrorName, Uint8Array[]]>([
    ["4.2: a frame that is too long", "FRAME_SIZE_ERROR", [frame(DATA, 1, new Uint8Array(16_385))]],
    ["4.3: a block that is no HPACK", "COMPRESSION_ERROR", [frame(HEADERS, 1, [0x80], END_HEADERS)]],
    ["4.3: a block with another frame in it", "PROTOCOL_ERROR", [
      frame(HEADERS, 1, BLOCK),
      frame(PING, 0, new Uint8Array(8)),
    ]],
    ["4.3: a block with DATA in it", "PROTOCOL_ERROR", [frame(HEADERS, 1, BLOCK), frame(DATA, 1, [1])]],
    ["4.3: a block that goes on for another stream", "PROTOCOL_ERROR", [
      frame(HEADERS, 1, BLOCK),
      frame(CONTINUATION, 3, [], END_HEADERS),
    ]],
    ["5.1: DATA of a stream that has not begun", "PROTOCOL_ERROR", [frame(DATA, 1, [1])]],
    ["5.1: a reset of one", "PROTOCOL_ERROR", [frame(RST_STREAM, 1, [0, 0, 0, 8])]],
    ["5.1: a window of one", "PROTOCOL_ERROR", [frame(WINDOW_UPDATE, 1, [0, 0, 0, 1])]],
    ["5.1: a head for a stream that was reset by it", "STREAM_CLOSED", [
      OPEN,
      frame(RST_STREAM, 1, [0, 0, 0, 8]),
      OPEN,
    ]],
    ["5.1.1: an even stream", "PROTOCOL_ERROR", [head(2, GET)]],
    ["5.1.1: a stream below the last", "STREAM_CLOSED", [head(5, GET), head(3, GET)]],
    ["6.1: DATA of no stream", "PROTOCOL_ERROR", [frame(DATA, 0, [1])]],
    ["6.1: DATA shorter than its padding", "PROTOCOL_ERROR", [OPEN, frame(DATA, 1, [9, 1], 8)]],
    ["6.2: a head of no stream", "PROTOCOL_ERROR", [frame(HEADERS, 0, BLOCK, END_HEADERS)]],
    ["6.2: a head shorter than its padding", "PROTOCOL_ERROR", [
      frame(HEADERS, 1, [9, 0x82], END_HEADERS | 8),
    ]],
    ["6.3: a priority of no stream", "PROTOCOL_ERROR", [frame(PRIORITY, 0, [0, 0, 0, 0, 0])]],
    ["6.3: a priority of four bytes", "FRAME_SIZE_ERROR", [frame(PRIORITY, 1, [0, 0, 0, 0])]],
    ["6.4: a reset of no stream", "PROTOCOL_ERROR", [frame(RST_STREAM, 0, [0, 0, 0, 8])]],
    ["6.4: a reset of three bytes", "FRAME_SIZE_ERROR", [OPEN, frame(RST_STREAM, 1, [0, 0, 0])]],
    ["6.5: settings of a stream", "PROTOCOL_ERROR", [frame(SETTINGS, 1)]],
    ["6.5: an acknowledgement with something in it", "FRAME_SIZE_ERROR", [
      frame(SETTINGS, 0, [0, 0, 0, 0, 0, 0], 1),
    ]],
    ["6.5: settings of five bytes", "FRAME_SIZE_ERROR", [frame(SETTINGS, 0, [0, 0, 0, 0, 0])]],
    ["6.5.2: a window above 2^31-1", "FLOW_CONTROL_ERROR", [frame(SETTINGS, 0, [0, 4, 128, 0, 0, 0])]],
    ["6.6: a push", "PROTOCOL_ERROR", [OPEN, frame(PUSH_PROMISE, 1, [0, 0, 0, 2, 0x82], END_HEADERS)]],
    ["6.7: a ping of a stream", "PROTOCOL_ERROR", [frame(PING, 1, new Uint8Array(8))]],
    ["6.7: a ping of six bytes", "FRAME_SIZE_ERROR", [frame(PING, 0, new Uint8Array(6))]],
    ["6.8: a farewell of a stream", "PROTOCOL_ERROR", [frame(GOAWAY, 1, new Uint8Array(8))]],
    ["6.8: a farewell of four bytes", "FRAME_SIZE_ERROR", [frame(GOAWAY, 0, new Uint8Array(4))]],
    ["6.9: a window update of nothing", "PROTOCOL_ERROR", [frame(WINDOW_UPDATE, 0, [0, 0, 0, 0])]],
    ["6.9: a window update of three bytes", "FRAME_SIZE_ERROR", [frame(WINDOW_UPDATE, 0, [0, 0, 1])]],
    ["6.9.1: a window above 2^31-1", "FLOW_CONTROL_ERROR", [frame(WINDOW_UPDATE, 0, [127, 255, 255, 255])]],
    ["6.9.2: a stream's window above 2^31-1 by settings", "FLOW_CONTROL_ERROR", [
      OPEN,
      frame(WINDOW_UPDATE, 1, [127, 255, 0, 0]),
      encodeHttp2Settings({ initialWindowBytes: 2 ** 31 - 1 }),
    ]],
    ["6.10: a continuation of nothing", "PROTOCOL_ERROR", [frame(CONTINUATION, 1, BLOCK, END_HEADERS)]],
    ["6.10: a continuation of a block that is whole", "PROTOCOL_ERROR", [
      head(1, GET),
      frame(CONTINUATION, 1, BLOCK, END_HEADERS),
    ]],
    ["10.5: a block without end", "ENHANCE_YOUR_CALM", [
      frame(HEADERS, 1),
      ...Array.from({ length: 70 }, () => frame(CONTINUATION, 1)),
    ]],
    ["10.5: a block of 40 KB", "ENHANCE_YOUR_CALM", [
      frame(HEADERS, 1, new Uint8Array(16_384)),
      frame(CONTINUATION, 1, new Uint8Array(16_384)),
      frame(CONTINUATION, 1, new Uint8Array(8000)),
    ]],
    ["10.5: 2,000 pings", "ENHANCE_YOUR_CALM", Array(2000).fill(frame(PING, 0, new Uint8Array(8)))],
    ["10.5: 2,000 settings", "ENHANCE_YOUR_CALM", Array(2000).fill(frame(SETTINGS, 0))],
    ["10.5: 2,000 frames that nobody knows", "ENHANCE_YOUR_CALM", Array(2000).fill(frame(99, 1, [1]))],
    ["10.5: 2,000 pieces of content without a byte", "ENHANCE_YOUR_CALM", [
      OPEN,
      ...Array(2000).fill(frame(DATA, 1)),
    ]],
    [
      "10.5: 2,000 requests that are given up at once",
      "ENHANCE_YOUR_CALM",
      Array.from({ length: 2000 }, (_, i) => [
        head(2 * i + 1, GET),
        frame(RST_STREAM, 2 * i + 1, [0, 0, 0, 8]),
      ]).flat(),
    ],
    [
      "10.5: 2,000 requests that the gateway is made to give up",
      "ENHANCE_YOUR_CALM",
      Array.from(
        { length: 2000 },
        (_, i) => [head(2 * i + 1, GET), frame(WINDOW_UPDATE, 2 * i + 1, [0, 0, 0, 0])],
      ).flat(),
    ],
    [
      "10.5: 2,000 streams more than allowed",
      "ENHANCE_YOUR_CALM",
      Array.from(
        { length: 2000 },
        (_, i) => head(2 * i + 1, GET),
      ),
    ],
  ])("%s: is told %s, and the connection ends", async (_, name, frames) => {
    const { far, server } = serveInMemory();
    const client = new FrameClient(far);
    await client.hello(...frames);
    expect((await server.closed).code).toBe(HTTP2_ERROR[name]);
    await client.ended;
    expect(client.seen.at(-1)).toMatch(new RegExp(`^goaway 0 ${HTTP2_ERROR[name]}$`));
  });

  it("5.1: goes on with content after both ends: is told once, and it makes up for nothing", async () => {
    const { far, server } = serveInMemory({
      onRequest: (_, stream) => stream.sendFields([[":status", "200"]]).then(() => stream.closeWrite()),
    });
    const client = new FrameClient(far);
    await client.hello(head(1, GET));
    await until(() => client.seen.includes("end 1"));
    await client.send(...Array(5000).fill(frame(DATA, 1, [1])), frame(PING, 0, new Uint8Array(8)));
    await until(() => client.seen.includes("ping 0"));
    expect(client.seen.filter((seen) => seen.startsWith("rstStream"))).toEqual([
      `rstStream 1 ${HTTP2_ERROR.STREAM_CLOSED}`,
    ]);
    await client.send(
      ...Array.from({ length: 2000 }, () => [frame(PING, 0, new Uint8Array(8)), frame(DATA, 1, [1])]).flat(),
    );
    expect((await server.closed).code).toBe(HTTP2_ERROR.ENHANCE_YOUR_CALM);
    client.close();
  });

  it.each<[string, Uint8Array[]]>([
    ["another protocol", [utf8("GET / HTTP/1.1\r\n\r\n")]],
    ["no SETTINGS", [utf8("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(PING, 0, new Uint8Array(8))]],
    ["an acknowledgement first", [utf8("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(SETTINGS, 0, [], 1)]],
  ])("3.4: does not begin as it must, but with %s: the connection ends", async (_, parts) => {
    const { far, server } = serveInMemory();
    const client = new FrameClient(far);
    await client.send(...parts);
    expect((await server.closed).code).toBe(HTTP2_ERROR.PROTOCOL_ERROR);
    client.close();
  });

  it.each<[string, Uint8Array[]]>([
    ["does not say hello", []],
    ["does not finish a head", [frame(HEADERS, 1, BLOCK)]],
  ])("%s in time: the connection ends", async (_, frames) => {
    const { far, server, clock } = serveInMemory();
    const client = new FrameClient(far);
    if (frames.length > 0) await client.hello(...frames);
    clock.advance(1000);
    expect((await server.closed).code).toBe(HTTP2_ERROR.NO_ERROR);
    client.close();
  });
});

describe("a client that breaks a rule of a stream (RFC 9113)", () => {
  it.each<[string, Http2ErrorName, Uint8Array[]]>([
    ["5.1: DATA after its end", "STREAM_CLOSED", [head(1, GET), frame(DATA, 1, [1])]],
    ["5.1: a head after its end", "STREAM_CLOSED", [head(1, GET), head(1, GET)]],
    ["6.9: a window update of nothing", "PROTOCOL_ERROR", [OPEN, frame(WINDOW_UPDATE, 1, [0, 0, 0, 0])]],
    ["6.9.1: a window above 2^31-1", "FLOW_CONTROL_ERROR", [
      OPEN,
      frame(WINDOW_UPDATE, 1, [127, 255, 255, 255]),
    ]],
    ["6.9.1: more content than its window", "FLOW_CONTROL_ERROR", [
      OPEN,
      ...Array(65).fill(frame(DATA, 1, new Uint8Array(16_384))),
    ]],
    ["8.1: trailers that do not end it", "PROTOCOL_ERROR", [OPEN, head(1, [["a", "b"]], END_HEADERS)]],
    ["8.1: trailers with a pseudo-header", "PROTOCOL_ERROR", [OPEN, head(1, [[":path", "/"]])]],
    ["8.1: trailers with a name in upper case", "PROTOCOL_ERROR", [OPEN, head(1, [["A", "b"]])]],
    ["8.1.1: more content than it says", "PROTOCOL_ERROR", [
      head(1, [...POST, ["content-length", "1"]], END_HEADERS),
      frame(DATA, 1, [1, 2]),
    ]],
    ["8.1.1: less content than it says", "PROTOCOL_ERROR", [
      head(1, [...POST, ["content-length", "3"]], END_HEADERS),
      frame(DATA, 1, [1, 2], END_STREAM),
    ]],
    ["8.5: fields in a tunnel", "PROTOCOL_ERROR", [head(1, CONNECT, END_HEADERS), head(1, [["a", "b"]])]],
    ["10.5: trailers that are too many", "ENHANCE_YOUR_CALM", [OPEN, head(1, MANY_FIELDS.slice(4))]],
  ])("%s: is told %s, and the connection goes on", async (_, name, frames) => {
    const { far, server } = serveInMemory();
    const client = new FrameClient(far);
    await client.hello(...frames);
    await until(() => client.seen.includes(`rstStream 1 ${HTTP2_ERROR[name]}`));
    await client.send(frame(PING, 0, new Uint8Array(8)));
    await until(() => client.seen.includes("ping 0"));
    expect(server.isClosed).toBe(false);
    server.destroy();
  });

  it.each<[string, number, readonly Field[]]>([
    ["8.2: a name in upper case", 400, [...GET, ["A", "b"]]],
    ["8.2.1: a line break in a value", 400, [...GET, ["a", "b\r\nc"]]],
    ["8.2.2: a field of the connection", 400, [...GET, ["connection", "close"]]],
    ["8.2.2: te that is not trailers", 400, [...GET, ["te", "gzip"]]],
    ["8.3: an unknown pseudo-header", 400, [...GET, [":a", "b"]]],
    ["8.3: a pseudo-header of answers", 400, [...GET, [":status", "200"]]],
    ["8.3: a pseudo-header behind a field", 400, [...GET.slice(0, 3), ["a", "b"], GET[3]!]],
    ["8.3.1: no method", 400, GET.slice(1)],
    ["8.3.1: two paths", 400, [...GET, [":path", "/b"]]],
    ["8.3.1: an empty path", 400, [...GET.slice(0, 3), [":path", ""]]],
    ["8.5: CONNECT with a path", 400, [...CONNECT, [":path", "/"]]],
    ["8.1.1: content that does not come", 400, [...GET, ["content-length", "1"]]],
    ["10.5.1: too many fields", 431, MANY_FIELDS],
    ["10.5.1: fields that are too long", 431, [...GET, ["a", "b".repeat(17_000)]]],
  ])("%s: is answered %i, and no request", async (_, status, fields) => {
    const requests: unknown[] = [];
    const refused: number[] = [];
    const { far, server } = serveInMemory({
      onRequest: (head) => Promise.resolve(void requests.push(head)),
      onRefused: (status) => refused.push(status),
    });
    const client = new FrameClient(far);
    const block = encodeFieldBlock(fields);
    await client.hello(
      frame(HEADERS, 1, block.subarray(0, 16_000), END_STREAM | (block.length > 16_000 ? 0 : END_HEADERS)),
      ...(block.length > 16_000 ? [frame(CONTINUATION, 1, block.subarray(16_000), END_HEADERS)] : []),
    );
    await until(() => client.seen.includes("end 1"));
    expect([requests, refused]).toEqual([[], [status]]);
    await until(() => server.openStreams === 0);
    server.destroy();
  });
});

it("a client that sends anything ends its connection at worst", async () => {
  const someFrame = fc.record({
    type: fc.nat(10),
    flags: fc.constantFrom(0, 1, 4, 5, 8, 9, 0x2d, 255),
    stream: fc.constantFrom(0, 1, 1, 3, 5, 2, 2 ** 31 - 1),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(
        BLOCK,
        encodeFieldBlock(POST),
        encodeFieldBlock(CONNECT),
        encodeFieldBlock([["a", "b"]]),
      ),
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(someFrame, { maxLength: 20 }), async (frames) => {
      const { far, server } = serveInMemory({
        async onRequest({ method }, stream) {
          await stream.sendFields([[":status", "200"]]);
          const buffer = new Uint8Array(9);
          for (let count = await stream.read(buffer); count !== null; count = await stream.read(buffer)) {
            await stream.write(buffer.subarray(0, count));
          }
          if (method === "GET") stream.abort();
          else await stream.closeWrite();
        },
      });
      const client = new FrameClient(far);
      await client.hello(
        ...frames.map(({ type, flags, stream, payload }) => frame(type, stream, payload, flags)),
      );
      client.close();
      await server.closed;
      await until(() => server.openStreams === 0);
    }),
    { numRuns: 500 },
  );
});

describe("a client that breaks no rule", () => {
  it.each<[string, Uint8Array[]]>([
    ["what was on its way when the gateway gave a stream up", [
      head(1, GET),
      frame(DATA, 1, [1]),
      frame(DATA, 1, [1]),
    ]],
    ["a window update of a stream that is over", [
      OPEN,
      frame(RST_STREAM, 1, [0, 0, 0, 8]),
      frame(WINDOW_UPDATE, 1, [0, 0, 0, 9]),
    ]],
    ["a priority of a stream that has not begun", [frame(PRIORITY, 7, [0, 0, 0, 0, 9])]],
    ["a frame that nobody knows", [frame(99, 0, [1, 2, 3], 255)]],
    ["a setting that nobody knows", [frame(SETTINGS, 0, [0xff, 0xff, 0, 0, 0, 1])]],
    ["a head with padding, priority and continuations", [
      frame(HEADERS, 1, [1, 0, 0, 0, 0, 9, ...BLOCK.subarray(0, 3), 0], 8 | 32 | END_STREAM),
      frame(CONTINUATION, 1),
      frame(CONTINUATION, 1, BLOCK.subarray(3), END_HEADERS),
    ]],
    ["a farewell while a stream is open", [OPEN, frame(GOAWAY, 0, new Uint8Array(8))]],
  ])("is served on: %s", async (_, frames) => {
    const { far, server } = serveInMemory();
    const client = new FrameClient(far);
    await client.hello(...frames, frame(PING, 0, new Uint8Array(8)));
    await until(() => client.seen.includes("ping 0"));
    expect(client.seen.join()).not.toContain("goaway");
    server.destroy();
  });
});
