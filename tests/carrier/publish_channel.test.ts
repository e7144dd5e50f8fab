import { describe, expect, it } from "vitest";
import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import {
  encodePublishMessage,
  type PublishMessage,
  PublishMessageDecoder,
} from "../../lib/carrier/publish_channel.ts";

const MESSAGES: readonly PublishMessage[] = [
  { kind: "published", protocol: "udp" },
  { kind: "published", protocol: "tcp" },
  { kind: "connect", id: "A-b_9" },
  { kind: "refused", id: "x", reason: 'connection "refused"\nnow' },
  { kind: "over", reason: "" },
  { kind: "here" },
];

function decode(...chunks: Uint8Array[]): PublishMessage[] {
  const found: PublishMessage[] = [];
  const decoder = new PublishMessageDecoder();
  for (const chunk of chunks) decoder.push(chunk, (message) => found.push(message));
  return found;
}

describe("PublishMessageDecoder", () => {
  it("reads what was written, however it is divided", () => {
    const whole = concatBytes(MESSAGES.map(encodePublishMessage));
    for (let at = 0; at <= whole.length; at++) {
      expect(decode(whole.subarray(0, at), whole.subarray(at))).toEqual(MESSAGES);
    }
  });

  it("drops messages of kinds that it does not know", () => {
    expect(decode(utf8('{"kind":"later","x":1}\n{"kind":"here","more":true}\n'))).toEqual([{ kind: "here" }]);
  });

  it("cuts texts to 256 characters", () => {
    const [over] = decode(encodePublishMessage({ kind: "over", reason: "é".repeat(5000) }));
    expect(over).toEqual({ kind: "over", reason: "é".repeat(256) });
  });

  it.each([
    ["no JSON", "hello\n", "codec/malformed"],
    ["no object", "null\n", "codec/malformed"],
    ["an empty line", "\n", "codec/malformed"],
    ["no id", '{"kind":"connect"}\n', "codec/malformed"],
    ["an id that is no word", '{"kind":"connect","id":"../x"}\n', "codec/malformed"],
    ["a long id", `{"kind":"refused","id":"${"a".repeat(65)}"}\n`, "codec/malformed"],
    ["a long line", `{"kind":"here","x":"${"a".repeat(2048)}"}\n`, "codec/too-large"],
    ["a line without end", "x".repeat(2049), "codec/too-large"],
  ])("refuses %s", (_, text, code) => {
    expect(() => decode(utf8(text))).toThrowError(expect.objectContaining({ code }));
  });

  it("refuses bytes that are no UTF-8", () => {
    expect(() => decode(Uint8Array.of(0x22, 0xff, 0x22, 10)))
      .toThrowError(expect.objectContaining({ code: "codec/malformed" }));
  });
});
