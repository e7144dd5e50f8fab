import { describe, expect, it } from "vitest";
import { checkQpackEncoderStream, QpackDecoderStreamChecker } from "../../lib/codec/qpack_streams.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));

describe("checkQpackEncoderStream()", () => {
  it.each(["", "20", "202020"])("takes '%s'", (text) => {
    expect(() => checkQpackEncoderStream(hex(text))).not.toThrow();
  });

  it.each([
    ["a capacity of 220 (RFC 9204 appendix B.2)", "3fbd01"],
    ["a capacity of 1", "21"],
    ["an insertion with a name of the static table", "c00f7777772e6578616d706c652e636f6d"],
    ["an insertion with a name of its own", "4161 0162"],
    ["a duplicate", "02"],
    ["one after what is allowed", "2020 02"],
  ])("refuses %s", (_, text) => {
    expect(() => checkQpackEncoderStream(hex(text))).toThrow(
      expect.objectContaining({ http3Name: "QPACK_ENCODER_STREAM_ERROR", http3Code: 0x201 }),
    );
  });
});

describe("QpackDecoderStreamChecker", () => {
  function check(text: string): void {
    const bytes = hex(text);
    for (let at = 0; at <= bytes.length; at++) {
      const checker = new QpackDecoderStreamChecker();
      checker.push(bytes.subarray(0, at));
      checker.push(bytes.subarray(at));
    }
  }

  it.each(["", "40", "48 4c 50", "7f 00", "7f c1 ff 03 40", "7f 808080808080808001 7e"])(
    "takes streams that were given up: '%s', in whichever two chunks",
    (text) => expect(() => check(text)).not.toThrow(),
  );

  it.each([
    ["an acknowledgement", "84"],
    ["an increment", "01"],
    ["an increment of 0", "00"],
    ["an acknowledgement behind a stream", "7f 80 00 84"],
    ["an increment behind a stream", "7f 00 01"],
    ["a stream without end", "7f 80808080808080808080"],
    ["a stream of more than 62 bits", "7f 808080808080808080 40"],
  ])("refuses %s", (_, text) => {
    expect(() => check(text)).toThrow(
      expect.objectContaining({ http3Name: "QPACK_DECODER_STREAM_ERROR", http3Code: 0x202 }),
    );
  });
});
