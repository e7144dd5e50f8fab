import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CodecError } from "../../lib/codec/codec_error.ts";
import {
  decodeHttp3Settings,
  DEFAULT_HTTP3_SETTINGS,
  encodeHttp3Settings,
} from "../../lib/codec/http3_settings.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));

describe("encodeHttp3Settings()", () => {
  it("writes what differs from the defaults", () => {
    expect(encodeHttp3Settings({})).toHaveLength(0);
    expect(
      encodeHttp3Settings({ maxFieldSectionBytes: 65_536, enableConnectProtocol: true, h3Datagram: true })
        .toHex(),
    )
      .toBe("0680010000" + "0801" + "3301");
  });

  it("writes what decodeHttp3Settings() reads again", () => {
    const settings = fc.record({
      maxFieldSectionBytes: fc.oneof(fc.maxSafeNat(), fc.constant(Infinity)),
      qpackMaxTableCapacity: fc.maxSafeNat(),
      qpackBlockedStreams: fc.maxSafeNat(),
      enableConnectProtocol: fc.boolean(),
      h3Datagram: fc.boolean(),
    });
    fc.assert(fc.property(settings, (all) => {
      expect(decodeHttp3Settings(encodeHttp3Settings(all))).toEqual(all);
    }));
  });
});

describe("decodeHttp3Settings()", () => {
  it.each([
    ["nothing", "", {}],
    ["a limit of 0", "06 00", { maxFieldSectionBytes: 0 }],
    ["flags that are 0", "08 00 33 00", {}],
    ["a table and streams that wait", "01 5000 07 10", {
      qpackMaxTableCapacity: 4096,
      qpackBlockedStreams: 16,
    }],
    [
      "unknown ones, two of them alike when rounded",
      "4021 01 ffffffffffffffff 02 fffffffffffffffe 03 33 01",
      {
        h3Datagram: true,
      },
    ],
    ["a value beyond 2^53", "06 ffffffffffffffff", { maxFieldSectionBytes: 2 ** 62 }],
  ])("reads %s", (_, text, settings) => {
    expect(decodeHttp3Settings(hex(text))).toEqual({ ...DEFAULT_HTTP3_SETTINGS, ...settings });
  });

  it.each([
    ["one twice", "33 01 33 01", "H3_SETTINGS_ERROR"],
    ["an unknown one twice", "4021 01 4021 01", "H3_SETTINGS_ERROR"],
    ["one twice in two forms", "06 01 4006 01", "H3_SETTINGS_ERROR"],
    ...["00", "02", "03", "04", "05"].map((id) => [`the reserved ${id}`, `${id} 01`, "H3_SETTINGS_ERROR"]),
    ["H3_DATAGRAM 2", "33 02", "H3_SETTINGS_ERROR"],
    ["ENABLE_CONNECT_PROTOCOL 2", "08 02", "H3_SETTINGS_ERROR"],
    ["an id without value", "06", "H3_FRAME_ERROR"],
    ["half an id", "40", "H3_FRAME_ERROR"],
    ["half a value", "06 80", "H3_FRAME_ERROR"],
    [
      "65 settings",
      Array.from({ length: 65 }, (_, id) => `${(0x4040 + id).toString(16)} 00`).join(""),
      "H3_EXCESSIVE_LOAD",
    ],
  ])("refuses %s", (_, text, http3Name) => {
    expect(() => decodeHttp3Settings(hex(text!))).toThrow(expect.objectContaining({ http3Name }));
  });

  it("either decodes any bytes or throws a CodecError", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        decodeHttp3Settings(bytes);
      } catch (error) {
        if (!(error instanceof CodecError)) throw error;
      }
    }));
  });
});
