import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DEFAULT_HTTP2_SETTINGS,
  encodeHttp2Settings,
  parseHttp2Settings,
} from "../../lib/codec/http2_settings.ts";

const HEAD_BYTES = 9;
const parse = (hex: string) =>
  parseHttp2Settings(Uint8Array.fromHex(hex.replaceAll(" ", "")), DEFAULT_HTTP2_SETTINGS);

describe("parseHttp2Settings()", () => {
  it.each<[string, string, Partial<typeof DEFAULT_HTTP2_SETTINGS>]>([
    ["nothing", "", {}],
    ["no push", "0002 00000000", { enablePush: false }],
    ["streams", "0003 00000064", { maxStreams: 100 }],
    ["a window", "0004 7fffffff", { initialWindowBytes: 2 ** 31 - 1 }],
    ["long frames", "0005 00ffffff", { maxFrameBytes: 2 ** 24 - 1 }],
    ["a head", "0006 00010000", { maxHeadBytes: 65_536 }],
    ["extended CONNECT", "0008 00000001", { enableConnectProtocol: true }],
    ["what is said last", "0004 00000001 0004 00000002", { initialWindowBytes: 2 }],
    ["what it does not know", "0001 00000000 ffff ffffffff", {}],
  ])("reads %s", (_, hex, settings) => {
    expect(parse(hex)).toEqual({ ...DEFAULT_HTTP2_SETTINGS, ...settings });
  });

  it.each<[string, string, string]>([
    ["half a setting", "0004 0000", "FRAME_SIZE_ERROR"],
    ["a push of 2", "0002 00000002", "PROTOCOL_ERROR"],
    ["a window of 2^31", "0004 80000000", "FLOW_CONTROL_ERROR"],
    ["frames of 16,383 bytes", "0005 00003fff", "PROTOCOL_ERROR"],
    ["frames of 2^24 bytes", "0005 01000000", "PROTOCOL_ERROR"],
    ["extended CONNECT of 2", "0008 00000002", "PROTOCOL_ERROR"],
  ])("refuses %s", (_, hex, http2Name) => {
    expect(() => parse(hex)).toThrow(expect.objectContaining({ http2Name }));
  });

  it("reads what encodeHttp2Settings() writes", () => {
    const settings = fc.record({
      enablePush: fc.boolean(),
      maxStreams: fc.nat(2 ** 32 - 1),
      initialWindowBytes: fc.nat(2 ** 31 - 1),
      maxFrameBytes: fc.integer({ min: 16_384, max: 2 ** 24 - 1 }),
      maxHeadBytes: fc.nat(2 ** 32 - 1),
      enableConnectProtocol: fc.boolean(),
    });
    fc.assert(fc.property(settings, (all) => {
      const payload = encodeHttp2Settings(all).subarray(HEAD_BYTES);
      expect(parseHttp2Settings(payload, DEFAULT_HTTP2_SETTINGS)).toEqual(all);
    }));
  });
});
