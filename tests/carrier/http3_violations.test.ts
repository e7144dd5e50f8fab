import { describe, expect, it } from "vitest";
import { concatBytes } from "../../lib/base/bytes.ts";
import { HTTP3_ERROR, type Http3ErrorName } from "../../lib/codec/http3_error.ts";
import {
  encodeDataHead,
  encodeGoawayFrame,
  encodeHeadersFrame,
  encodeSettingsFrame,
} from "../../lib/codec/http3_frame.ts";
import { encodeFieldSection } from "../../lib/codec/qpack.ts";
import { encodeVarint } from "../../lib/codec/varint.ts";
import { Http3Connection } from "../../lib/carrier/http3_connection.ts";
import { CONNECT, GET, quicPair, rawClient, useQuic } from "../_support/quic.ts";

useQuic();

const SETTINGS = encodeSettingsFrame({ h3Datagram: true });
const HEAD = encodeHeadersFrame(encodeFieldSection(GET));
const CONTROL = [0x00];

/** A frame of any type. */
function frame(type: number, payload: readonly number[] = []): Uint8Array {
  return concatBytes([encodeVarint(type), encodeVarint(payload.length), Uint8Array.from(payload)]);
}

/** Settings that nobody knows, each another. */
function unknownSettings(count: number): number[] {
  return Array.from({ length: count }, (_, i) => [...encodeVarint(0x1000 + i), 0]).flat();
}

describe("a client that breaks a rule of its unidirectional streams", () => {
  it.each<[string, Http3ErrorName, (readonly number[] | Uint8Array)[][]]>([
    ["does not begin with SETTINGS", "H3_MISSING_SETTINGS", [[CONTROL, encodeGoawayFrame(0)]]],
    ["sends SETTINGS twice", "H3_FRAME_UNEXPECTED", [[CONTROL, SETTINGS, SETTINGS]]],
    ["sends DATA on the control stream", "H3_FRAME_UNEXPECTED", [[CONTROL, SETTINGS, frame(0)]]],
    ["sends a frame of HTTP/2", "H3_FRAME_UNEXPECTED", [[CONTROL, SETTINGS, frame(0x06)]]],
    ["has a setting of HTTP/2", "H3_SETTINGS_ERROR", [[CONTROL, frame(4, [0x02, 0])]]],
    ["has a setting twice", "H3_SETTINGS_ERROR", [[CONTROL, frame(4, [0x33, 1, 0x33, 1])]]],
    ["says 2 where 0 or 1 must be", "H3_SETTINGS_ERROR", [[CONTROL, frame(4, [0x33, 2])]]],
    ["floods with settings", "H3_EXCESSIVE_LOAD", [[CONTROL, frame(4, unknownSettings(100))]]],
    ["floods with a frame", "H3_EXCESSIVE_LOAD", [[CONTROL, [4], encodeVarint(2 ** 50)]]],
    ["opens two control streams", "H3_STREAM_CREATION_ERROR", [[CONTROL, SETTINGS], [CONTROL, SETTINGS]]],
    ["opens two encoder streams", "H3_STREAM_CREATION_ERROR", [[[0x02]], [[0x02]]]],
    ["pushes", "H3_STREAM_CREATION_ERROR", [[[0x01, 0x00]]]],
    ["fills the dynamic table", "QPACK_ENCODER_STREAM_ERROR", [[[0x02, 0x3f, 0xe1, 0x1f]]]],
    ["acknowledges what was not sent", "QPACK_DECODER_STREAM_ERROR", [[[0x03, 0x81]]]],
    ["cancels a push", "H3_ID_ERROR", [[CONTROL, SETTINGS, frame(3, [0])]]],
    ["raises its GOAWAY", "H3_ID_ERROR", [[CONTROL, SETTINGS, encodeGoawayFrame(4), encodeGoawayFrame(8)]]],
  ])("%s: the connection is closed with %s", async (title, name, streams) => {
    const { conn } = await rawClient();
    for (const parts of streams) {
      const writable = await conn.createUnidirectionalStream();
      await writable.getWriter().write(concatBytes(parts.map((part) => Uint8Array.from(part))));
    }
    expect(title).not.toBe("");
    expect((await conn.closed).closeCode).toBe(HTTP3_ERROR[name]);
  });

  it.each([
    ["control", 0x00],
    ["QPACK encoder", 0x02],
    ["QPACK decoder", 0x03],
  ])("ends its %s stream: the connection is closed", async (_, type) => {
    const { conn } = await rawClient();
    const writer = (await conn.createUnidirectionalStream()).getWriter();
    await writer.write(Uint8Array.of(type));
    await writer.close();
    expect((await conn.closed).closeCode).toBe(HTTP3_ERROR.H3_CLOSED_CRITICAL_STREAM);
  });

  it("opens streams of unknown types: they are let be, up to a bound", async () => {
    const { conn, server, requests } = await rawClient();
    const open = async () => {
      const writer = (await conn.createUnidirectionalStream({ waitUntilAvailable: true })).getWriter();
      await writer.write(concatBytes([encodeVarint(0x21 + 0x1f), new Uint8Array(100)]));
      await writer.close().catch(() => {});
    };
    for (let i = 0; i < 64; i++) await open();
    const { writable } = await conn.createBidirectionalStream();
    await writable.getWriter().write(HEAD);
    await requests.next();
    expect(server.isClosed).toBe(false);
    await open();
    expect((await conn.closed).closeCode).toBe(HTTP3_ERROR.H3_EXCESSIVE_LOAD);
  });
});

describe("a client that breaks a rule of its request streams", () => {
  it.each<[string, Http3ErrorName, Uint8Array[], boolean]>([
    ["begins with DATA", "H3_FRAME_UNEXPECTED", [encodeDataHead(0)], false],
    ["sends SETTINGS on it", "H3_FRAME_UNEXPECTED", [SETTINGS], false],
    ["promises a push", "H3_FRAME_UNEXPECTED", [HEAD, frame(0x05, [0])], false],
    ["ends it within a frame", "H3_FRAME_ERROR", [HEAD.subarray(0, 4)], true],
    ["refers to a dynamic table", "QPACK_DECOMPRESSION_FAILED", [frame(1, [0x02, 0x00, 0x80])], false],
    ["sends DATA after trailers", "H3_FRAME_UNEXPECTED", [HEAD, frame(1, [0, 0]), encodeDataHead(0)], false],
    [
      "sends HEADERS after CONNECT",
      "H3_FRAME_UNEXPECTED",
      [encodeHeadersFrame(encodeFieldSection(CONNECT)), frame(1, [0, 0])],
      false,
    ],
  ])("%s: the connection is closed with %s", async (_, name, parts, isEnded) => {
    const onRequest = async (
      _: unknown,
      stream: { read(into: Uint8Array<ArrayBuffer>): Promise<unknown> },
    ) => {
      while (await stream.read(new Uint8Array(100)).catch(() => null) !== null);
    };
    const { conn } = await rawClient({ onRequest: (head, stream) => void onRequest(head, stream) });
    const { writable } = await conn.createBidirectionalStream();
    const writer = writable.getWriter();
    await writer.write(concatBytes(parts));
    if (isEnded) await writer.close();
    expect((await conn.closed).closeCode).toBe(HTTP3_ERROR[name]);
  });
});

describe("a server that breaks a rule", () => {
  it.each<[string, Http3ErrorName, Uint8Array[]]>([
    ["sends MAX_PUSH_ID", "H3_FRAME_UNEXPECTED", [Uint8Array.of(0), SETTINGS, frame(0x0d, [0])]],
    ["sends GOAWAY for no request", "H3_ID_ERROR", [Uint8Array.of(0), SETTINGS, encodeGoawayFrame(3)]],
    ["pushes", "H3_ID_ERROR", [Uint8Array.of(1, 0)]],
  ])("%s: the connection is closed with %s", async (_, name, parts) => {
    const { near, far } = await quicPair();
    const client = Http3Connection.connect(far);
    await (await near.createUnidirectionalStream()).getWriter().write(concatBytes(parts));
    expect((await near.closed).closeCode).toBe(HTTP3_ERROR[name]);
    expect(client.isClosed).toBe(true);
  });

  it("opens a bidirectional stream: the connection is closed", async () => {
    const { near, far } = await quicPair();
    Http3Connection.connect(far);
    const { writable } = await near.createBidirectionalStream();
    await writable.getWriter().write(HEAD);
    expect((await near.closed).closeCode).toBe(HTTP3_ERROR.H3_STREAM_CREATION_ERROR);
  });
});
