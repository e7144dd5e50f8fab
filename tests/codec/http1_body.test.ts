import { describe, expect, it } from "vitest";
import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import { CodecError } from "../../lib/codec/codec_error.ts";
import { Http1Body } from "../../lib/codec/http1_body.ts";
import type { Http1Framing } from "../../lib/codec/http1_framing.ts";

const CHUNKED: Http1Framing = { kind: "chunked" };

interface Taken {
  readonly content: string;
  readonly isOver: boolean;
  readonly trailers: readonly string[];
  /** What belongs to the next message. */
  readonly rest: string;
}

function take(framing: Http1Framing, chunks: readonly Uint8Array[]): Taken {
  const body = new Http1Body(framing);
  const parts: Uint8Array[] = [];
  const left: Uint8Array[] = [];
  for (let rest of chunks) {
    while (rest.length > 0 && !body.isOver) {
      const { content, taken } = body.take(rest);
      if (content !== null) parts.push(content);
      rest = rest.subarray(taken);
    }
    left.push(rest);
  }
  const text = (bytes: Uint8Array[]) => new TextDecoder().decode(concatBytes(bytes));
  return { content: text(parts), isOver: body.isOver, trailers: body.trailers, rest: text(left) };
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof CodecError) return error.code;
    throw error;
  }
  return "none";
}

describe("Http1Body", () => {
  it.each<[string, Http1Framing, string, Partial<Taken>]>([
    ["nothing", { kind: "length", length: 0 }, "GET", { content: "", isOver: true, rest: "GET" }],
    ["a length", { kind: "length", length: 3 }, "abcGET", { content: "abc", isOver: true, rest: "GET" }],
    ["less than its length", { kind: "length", length: 4 }, "abc", { content: "abc", isOver: false }],
    ["everything until the end", { kind: "close" }, "abc", { content: "abc", isOver: false, rest: "" }],
    [
      "the chunks of RFC 9112 section 7.1.3",
      CHUNKED,
      "7\r\nMozilla\r\n11\r\nDeveloper Network\r\n0\r\n\r\nGET",
      {
        content: "MozillaDeveloper Network",
        isOver: true,
        trailers: [],
        rest: "GET",
      },
    ],
    ["extensions and trailers", CHUNKED, '003;a="b";c\r\nabc\r\n0;d\r\nX-A: 1\r\nx-b:\r\n\r\nGET', {
      content: "abc",
      isOver: true,
      trailers: ["X-A", "1", "x-b", ""],
      rest: "GET",
    }],
    ["chunks that have not ended", CHUNKED, "3\r\nabc\r\n0\r\n", { content: "abc", isOver: false }],
  ])("takes %s, in one piece, in any two and byte by byte", (_, framing, text, expected) => {
    const bytes = utf8(text);
    const whole = take(framing, [bytes]);
    expect(whole).toMatchObject(expected);
    for (let at = 0; at <= bytes.length; at++) {
      expect(take(framing, [bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole);
    }
    expect(take(framing, Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(whole);
  });

  it("does not copy content", () => {
    const bytes = utf8("3\r\nabc\r\n");
    const { content, taken } = new Http1Body(CHUNKED).take(bytes);
    expect([content!.buffer === bytes.buffer, taken]).toEqual([true, 6]);
  });

  it("may end with its connection only where nothing else says its end", () => {
    const mayEnd = (framing: Http1Framing) => new Http1Body(framing).mayEnd;
    expect([mayEnd({ kind: "close" }), mayEnd({ kind: "length", length: 1 }), mayEnd(CHUNKED)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it.each<[string, string]>([
    ["no length", "\r\nabc"],
    ["a length that is none", "x\r\n"],
    ["a prefix of a length", "0x3\r\nabc"],
    ["a sign", "+3\r\nabc"],
    ["a space before a length", " 3\r\nabc"],
    ["a space behind a length", "3 \r\nabc"],
    ["a bare LF behind a length", "3\nabc"],
    ["a bare CR behind a length", "3\rabc"],
    ["a bare LF in an extension", "3;a\nabc"],
    ["a control character in an extension", "3;\0\r\nabc"],
    ["more than the length", "3\r\nabcd\r\n"],
    ["a bare LF behind content", "3\r\nabc\n0\r\n\r\n"],
    ["a bare LF behind a trailer", "0\r\nA: b\n\r\n"],
    ["a folded trailer", "0\r\nA: b\r\n c\r\n\r\n"],
    ["a trailer without name", "0\r\n: b\r\n\r\n"],
    ["a length in the trailers", "0\r\nContent-Length: 1\r\n\r\n"],
    ["a coding in the trailers", "0\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ])("refuses %s", (_, text) => {
    expect(codeOf(() => take(CHUNKED, [utf8(text)]))).toBe("codec/malformed");
    expect(codeOf(() => take(CHUNKED, Array.from(utf8(text), (byte) => Uint8Array.of(byte))))).toBe(
      "codec/malformed",
    );
  });

  it.each<[string, string]>([
    ["a chunk of 2^48 bytes", "1000000000000\r\n"],
    ["trailers of 16 KiB", `0\r\nA: ${"b".repeat(16 * 1024)}\r\n\r\n`],
    ["1001 trailers", `0\r\n${"A: b\r\n".repeat(1001)}\r\n`],
    ["extensions of more than 2 MiB", `1;${"a".repeat(2 * 1024 * 1024)}a\r\n`],
  ])("refuses %s as too much", (_, text) => {
    expect(codeOf(() => take(CHUNKED, [utf8(text)]))).toBe("codec/too-large");
  });
});
