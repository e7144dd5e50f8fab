import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sendRaw, statuses } from "../_support/raw_http.ts";
import type { TestGateway } from "../_support/test_gateway.ts";
import { startWithAnn } from "./_support.ts";

let gateway: TestGateway;

beforeAll(async () => void ({ gateway } = await startWithAnn()));
afterAll(() => gateway[Symbol.asyncDispose]());

const HOST = "Host: localhost\r\n";
const SMUGGLED = `GET /smuggled HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
const post = (fields: string, body: string) => `POST /ping HTTP/1.1\r\n${HOST}${fields}\r\n${body}`;

describe("request smuggling: what two parsers could read differently is refused, and ends the connection", () => {
  it.each<[string, string]>([
    [
      "Content-Length and Transfer-Encoding",
      post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    ],
    [
      "Transfer-Encoding and Content-Length",
      post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n"),
    ],
    ["two lengths that differ", post("Content-Length: 0\r\nContent-Length: 5\r\n", "")],
    ["a list of lengths", post("Content-Length: 0, 5\r\n", "")],
    ["a negative length", post("Content-Length: -1\r\n", "")],
    ["a length with a sign", post("Content-Length: +5\r\n", "")],
    ["a hexadecimal length", post("Content-Length: 0x5\r\n", "")],
    [
      "a coding that ends otherwise than chunked",
      post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
    ],
    ["a coding that is not chunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")],
    ["a name with a space behind", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n")],
    ["a field that is folded", post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n")],
    ["a bare LF after a field", post("Content-Length: 0\nX: y\r\n", "")],
    ["a bare LF after the request line", `GET /ping HTTP/1.1\n${HOST}\r\n`],
    ["a bare CR in a field", post("X: a\rTransfer-Encoding: chunked\r\n", "")],
    ["a NUL in a field", post("X: a\0b\r\n", "")],
    [
      "a chunk whose length is not hexadecimal",
      post("Transfer-Encoding: chunked\r\n", "5x\r\nhello\r\n0\r\n\r\n"),
    ],
    [
      "a chunk that is longer than it says",
      post("Transfer-Encoding: chunked\r\n", "1\r\nhello\r\n0\r\n\r\n"),
    ],
    ["HTTP/0.9", "GET /ping\r\n"],
    ["HTTP/0.9 with fields", `GET /ping\r\n${HOST}\r\n`],
    ["an unknown version", `GET /ping HTTP/1.2\r\n${HOST}\r\n`],
    ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ])("%s", async (_what, request) => {
    const { text } = await sendRaw(gateway, request + SMUGGLED);
    expect(statuses(text).at(-1)).toBe(400);
    expect(statuses(text)).not.toContain(404);
    expect(gateway.linesOf("http-request").some(({ path }) => path === "/smuggled")).toBe(false);
  });
});

describe("a request without one clear host is refused", () => {
  it.each<[string, string]>([
    ["no Host", "GET /ping HTTP/1.1\r\nConnection: close\r\n\r\n"],
    ["no Host in HTTP/1.0", "GET /ping HTTP/1.0\r\n\r\n"],
    ["an empty Host", "GET /ping HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n"],
    ["two Hosts", `GET /ping HTTP/1.1\r\n${HOST}Host: evil.example\r\nConnection: close\r\n\r\n`],
    ["the same Host twice", `GET /ping HTTP/1.1\r\n${HOST}${HOST}Connection: close\r\n\r\n`],
    ["user information", "GET /ping HTTP/1.1\r\nHost: evil@localhost\r\nConnection: close\r\n\r\n"],
    ["a path", "GET /ping HTTP/1.1\r\nHost: localhost/x\r\nConnection: close\r\n\r\n"],
    ["a space", "GET /ping HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n"],
    ["a port that is none", "GET /ping HTTP/1.1\r\nHost: localhost:x\r\nConnection: close\r\n\r\n"],
    ["a path that is no path", `GET ping HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`],
  ])("%s", async (_what, request) => {
    const errors = gateway.lines.filter(({ level }) => level === "error").length;
    const { status } = await sendRaw(gateway, request);
    expect(status).toBe(400);
    // It is the caller's fault, not the gateway's.
    expect(gateway.lines.filter(({ level }) => level === "error")).toHaveLength(errors);
  });
});

it("requests one after another on one connection are answered one after another", async () => {
  const ping = `GET /ping HTTP/1.1\r\n${HOST}\r\n`;
  const { text } = await sendRaw(gateway, ping + ping + SMUGGLED);
  expect(statuses(text)).toEqual([200, 200, 404]);
});
