import { describe, expect, it } from "vitest";
import {
  chunkHead,
  http1Head,
  http1RequestLine,
  lastChunk,
  putLatin1,
} from "../../lib/codec/http1_encode.ts";

describe("http1Head()", () => {
  it("writes lines and the empty one", () => {
    expect(http1Head("HTTP/1.1 200 OK", ["A", "b", "a", ""])).toBe("HTTP/1.1 200 OK\r\nA: b\r\na: \r\n\r\n");
  });

  it.each<[string, string, string[]]>([
    ["CRLF in a value", "GET / HTTP/1.1", ["A", "b\r\nSet-Cookie: c"]],
    ["LF in a value", "GET / HTTP/1.1", ["A", "b\nC: d"]],
    ["CR in a value", "GET / HTTP/1.1", ["A", "b\rC: d"]],
    ["NUL in a value", "GET / HTTP/1.1", ["A", "b\0"]],
    ["a character of two bytes", "GET / HTTP/1.1", ["A", "\u010a"]],
    ["CRLF in a name", "GET / HTTP/1.1", ["A\r\nB", "c"]],
    ["CRLF in the first line", "GET / HTTP/1.1\r\nA: b", []],
  ])("refuses %s", (_, line, fields) => {
    expect(() => http1Head(line, fields)).toThrow(TypeError);
  });
});

describe("http1RequestLine()", () => {
  it("writes one", () => expect(http1RequestLine("GET", "/a?b")).toBe("GET /a?b HTTP/1.1"));

  it.each(["", "/a b", "/a\r\nB: c", "/a\tb", "/\x7f", "/\u0120"])("refuses the target %j", (target) => {
    expect(() => http1RequestLine("GET", target)).toThrow(RangeError);
  });
});

it("lastChunk() ends a body, with trailers or without", () => {
  expect(lastChunk([])).toBe("0\r\n\r\n");
  expect(lastChunk(["A", "b"])).toBe("0\r\nA: b\r\n\r\n");
  expect(() => lastChunk(["A", "b\r\n\r\nHTTP/1.1 200 OK"])).toThrow(TypeError);
});

it("chunkHead() writes the length in hexadecimal digits", () => expect(chunkHead(65_536)).toBe("10000\r\n"));

it.each([["ascii", "abc"], ["Latin-1", "a\xe9\x80\xff"]])(
  "putLatin1() writes a byte for each character: %s",
  (_, text) => {
    const into = new Uint8Array(8);
    expect(putLatin1(text, into, 2)).toBe(2 + text.length);
    expect([...into.subarray(2, 2 + text.length)]).toEqual(
      [...text].map((character) => character.charCodeAt(0)),
    );
    expect(into[0]).toBe(0);
  },
);
