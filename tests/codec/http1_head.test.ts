import { describe, expect, it } from "vitest";
import { CodecError } from "../../lib/codec/codec_error.ts";
import { decodeHttp1AnswerHead } from "../../lib/codec/http1_answer_head.ts";
import { headEnd } from "../../lib/codec/http1_lines.ts";
import { decodeHttp1RequestHead } from "../../lib/codec/http1_request_head.ts";

/** One byte for each character. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function request(text: string) {
  const bytes = bytesOf(text);
  return decodeHttp1RequestHead(bytes, headEnd(bytes, 0));
}

function answer(text: string, method = "GET") {
  const bytes = bytesOf(text);
  return decodeHttp1AnswerHead(bytes, { end: headEnd(bytes, 0), method });
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

const get = (fields: string) => `GET /a HTTP/1.1\r\n${fields}\r\n`;

describe("headEnd()", () => {
  it("finds the end of a head, however its bytes come", () => {
    const bytes = bytesOf("GET / HTTP/1.1\r\nHost: a\r\n\r\nbody\r\n\r\n");
    const end = bytes.length - 8;
    expect(headEnd(bytes, 0)).toBe(end);
    for (let length = 0; length < bytes.length; length++) {
      const before = headEnd(bytes.subarray(0, length), 0);
      expect(before).toBe(length < end ? -1 : end);
      if (before < 0) expect(headEnd(bytes, length)).toBe(end);
    }
  });

  it.each(["\n", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nA: b\n", "A: b\r\n\n"])(
    "refuses a line that ends in LF alone before the head is complete: %j",
    (text) => expect(codeOf(() => headEnd(bytesOf(text), 0))).toBe("codec/malformed"),
  );
});

describe("decodeHttp1RequestHead()", () => {
  it("keeps fields as they came, without the blanks around values", () => {
    const head = request(
      "GET /a?b HTTP/1.1\r\nHost:a.test\r\nX-Dup: \t1 2 \t\r\nx-dup:\r\nX-Bytes: \xe9\x80\r\n\r\n",
    );
    expect(head).toMatchObject({ method: "GET", target: "/a?b", version: "1.1", host: "a.test" });
    expect(head.fields).toEqual(["Host", "a.test", "X-Dup", "1 2", "x-dup", "", "X-Bytes", "\xe9\x80"]);
  });

  it.each<[string, string, Partial<ReturnType<typeof request>>]>([
    ["no body", "Host: a\r\n", { framing: { kind: "length", length: 0 } }],
    ["a length", "Host: a\r\nContent-Length: 12\r\n", { framing: { kind: "length", length: 12 } }],
    ["chunks", "Host: a\r\ntransfer-encoding: Chunked\r\n", { framing: { kind: "chunked" } }],
    ["a connection that goes on", "Host: a\r\nConnection: keep-alive\r\n", { keepsAlive: true }],
    ["a connection that ends", "Host: a\r\nConnection: x, Close\r\n", { keepsAlive: false }],
    ["a client that waits", "Host: a\r\nExpect: 100-Continue\r\n", { expectsContinue: true }],
    ["an upgrade", "Host: a\r\nConnection: x, Upgrade\r\nUpgrade: WebSocket\r\n", { upgrade: "websocket" }],
    ["an upgrade that Connection does not name", "Host: a\r\nUpgrade: websocket\r\n", { upgrade: null }],
    ["two upgrades", "Host: a\r\nConnection: upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n", { upgrade: null }],
    ["an empty upgrade", "Host: a\r\nConnection: upgrade\r\nUpgrade:\r\n", { upgrade: null }],
  ])("sees %s", (_, fields, expected) => expect(request(get(fields))).toMatchObject(expected));

  it("ends the connection after HTTP/1.0, which needs no Host", () => {
    expect(request("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")).toMatchObject({
      version: "1.0",
      host: null,
      keepsAlive: false,
    });
  });

  it.each<[string, string]>([
    ["no request line", "\r\n\r\n"],
    ["HTTP/0.9", "GET /a\r\nHost: a\r\n\r\n"],
    ["another version", "GET /a HTTP/1.2\r\nHost: a\r\n\r\n"],
    ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\n"],
    ["a version in lower case", "GET /a http/1.1\r\nHost: a\r\n\r\n"],
    ["a method in lower case", "get /a HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a method that is no token", "G(T /a HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a method of 65 characters", `${"A".repeat(65)} /a HTTP/1.1\r\nHost: a\r\n\r\n`],
    ["two spaces", "GET  /a HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a tab in the target", "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a byte beyond ASCII in the target", "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a space before the method", " GET /a HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a URL of another host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["no Host", get("A: b\r\n")],
    ["two Hosts", get("Host: a\r\nHost: a\r\n")],
    ["two lengths", get("Host: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n")],
    ["a list of lengths", get("Host: a\r\nContent-Length: 1, 1\r\n")],
    ["a length with a sign", get("Host: a\r\nContent-Length: +1\r\n")],
    ["an empty length", get("Host: a\r\nContent-Length:\r\n")],
    ["a length of 16 digits", get("Host: a\r\nContent-Length: 1000000000000000\r\n")],
    ["a length and chunks", get("Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n")],
    ["chunks twice", get("Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")],
    ["another coding", get("Host: a\r\nTransfer-Encoding: gzip, chunked\r\n")],
    ["a coding with a blank of another kind", get("Host: a\r\nTransfer-Encoding: \x0bchunked\r\n")],
    ["a coding behind a space that does not break", get("Host: a\r\nTransfer-Encoding: \xa0chunked\r\n")],
    ["chunks in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["a folded field", get("Host: a\r\nA: b\r\n c\r\n")],
    ["a space before the colon", get("Host : a\r\n")],
    ["a field without colon", get("Host: a\r\nA\r\n")],
    ["a field without name", get("Host: a\r\n: b\r\n")],
    ["a name that is no token", get("Host: a\r\nA(B): c\r\n")],
    ["a bare CR", get("Host: a\r\nA: b\rC: d\r\n")],
    ["two CR before LF", get("Host: a\r\nA: b\r\r\n")],
    ["NUL", get("Host: a\r\nA: b\0\r\n")],
    ["DEL", get("Host: a\r\nA: b\x7f\r\n")],
  ])("refuses %s", (_, text) => expect(codeOf(() => request(text))).toBe("codec/malformed"));

  it("takes 1000 fields and no more", () => {
    const fields = (count: number) => get(`Host: a\r\n${"A: b\r\n".repeat(count - 1)}`);
    expect(request(fields(1000)).fields).toHaveLength(2000);
    expect(codeOf(() => request(fields(1001)))).toBe("codec/too-large");
  });
});

describe("decodeHttp1AnswerHead()", () => {
  it.each<[string, string, string, Partial<ReturnType<typeof answer>>]>([
    ["a length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", {
      status: 200,
      framing: { kind: "length", length: 2 },
      keepsAlive: true,
    }],
    ["chunks", "GET", "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n", {
      framing: { kind: "chunked" },
    }],
    ["neither", "GET", "HTTP/1.1 200\r\n\r\n", { framing: { kind: "close" }, keepsAlive: false }],
    ["HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n", { keepsAlive: false }],
    ["an answer to HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", {
      framing: { kind: "length", length: 0 },
      keepsAlive: true,
    }],
    ["204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", { framing: { kind: "length", length: 0 } }],
    ["304 with a length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", {
      framing: { kind: "length", length: 0 },
    }],
    ["a hint with a framing", "GET", "HTTP/1.1 103 Hints\r\nTransfer-Encoding: x\r\n\r\n", {
      status: 103,
      framing: { kind: "length", length: 0 },
    }],
    ["an upgrade", "GET", "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n", {
      upgrade: "websocket",
    }],
    [
      "the end of the connection",
      "GET",
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
      {
        keepsAlive: false,
      },
    ],
  ])("sees %s", (_, method, text, expected) => expect(answer(text, method)).toMatchObject(expected));

  it.each<[string, string]>([
    ["no status", "HTTP/1.1 OK\r\n\r\n"],
    ["a status of no class", "HTTP/1.1 600 What\r\n\r\n"],
    ["a status of class 0", "HTTP/1.1 000 What\r\n\r\n"],
    ["another version", "HTTP/2.0 200 OK\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"],
    ["a length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["another coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"],
    ["a bare CR", "HTTP/1.1 200 OK\r\nA: b\rSet-Cookie: c=d\r\n\r\n"],
    ["a folded field", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"],
    ["a control character in the reason", "HTTP/1.1 200 O\x1bK\r\n\r\n"],
  ])("refuses %s", (_, text) => expect(codeOf(() => answer(text))).toBe("codec/malformed"));
});
