import { describe, expect, it } from "vitest";
import { checkTrailers, parseRequestHead, parseResponseHead } from "../../lib/codec/http_fields.ts";
import type { Field } from "../../lib/codec/qpack.ts";

const GET: Field[] = [[":method", "GET"], [":scheme", "https"], [":authority", "a.test"], [":path", "/x?y"]];
const CONNECT: Field[] = [[":method", "CONNECT"], [":authority", "redis.test:6379"]];
const EXTENDED: Field[] = [
  [":method", "CONNECT"],
  [":protocol", "connect-udp"],
  [":scheme", "https"],
  [":authority", "proxy.test"],
  [":path", "/.well-known/masque/udp/192.0.2.6/443/"],
  ["capsule-protocol", "?1"],
];
const HEAD = { protocol: null, contentLength: null, headers: [] };
const without = (fields: Field[], name: string) => fields.filter((field) => field[0] !== name);
const changed = (fields: Field[], name: string, value: string): Field[] =>
  fields.map((field) => field[0] === name ? [name, value] : field);

describe("parseRequestHead()", () => {
  it.each([
    ["a request", GET, { ...HEAD, method: "GET", scheme: "https", authority: "a.test", path: "/x?y" }],
    ["CONNECT", CONNECT, {
      ...HEAD,
      method: "CONNECT",
      scheme: null,
      authority: "redis.test:6379",
      path: null,
    }],
    ["extended CONNECT", EXTENDED, {
      ...HEAD,
      method: "CONNECT",
      protocol: "connect-udp",
      scheme: "https",
      authority: "proxy.test",
      path: "/.well-known/masque/udp/192.0.2.6/443/",
      headers: [["capsule-protocol", "?1"]],
    }],
    ["a request with host alone", [...without(GET, ":authority"), ["host", "b.test"]] as Field[], {
      ...HEAD,
      method: "GET",
      scheme: "https",
      authority: "b.test",
      path: "/x?y",
      headers: [["host", "b.test"]],
    }],
    ["OPTIONS of everything", changed(changed(GET, ":method", "OPTIONS"), ":path", "*"), {
      ...HEAD,
      method: "OPTIONS",
      scheme: "https",
      authority: "a.test",
      path: "*",
    }],
  ])("reads %s", (_, fields, head) => {
    expect(parseRequestHead(fields)).toEqual(head);
  });

  it.each<[string, Field[], Partial<ReturnType<typeof parseRequestHead>>]>([
    ["an authority that host repeats", [...GET, ["host", "a.test"]], { authority: "a.test" }],
    ["te: trailers", [...GET, ["te", "trailers"]], { headers: [["te", "trailers"]] }],
    ["an empty value, and one of bytes", [...GET, ["a", ""], ["b", "\xe4\t\xff"]], {
      headers: [["a", ""], ["b", "\xe4\t\xff"]],
    }],
    ["content of some length", [...GET, ["content-length", "12"]], {
      contentLength: 12,
    }],
    ["cookies as one", [...GET, ["cookie", "a=1"], ["x", "y"], ["cookie", "b=2"]], {
      headers: [["x", "y"], ["cookie", "a=1; b=2"]],
    }],
    ["a scheme in upper case", changed(GET, ":scheme", "HTTPS"), { scheme: "https" }],
  ])("takes %s", (_, fields, part) => {
    expect(parseRequestHead(fields)).toMatchObject(part);
  });

  it.each<[string, Field[]]>([
    ...[":method", ":scheme", ":authority", ":path"].flatMap((name): [string, Field[]][] => [
      [`a request without ${name}`, without(GET, name)],
      [`a request with an empty ${name}`, changed(GET, name, "")],
      [`a request with ${name} twice`, [...GET, GET.find((field) => field[0] === name)!]],
    ]),
    ...[":scheme", ":authority", ":path"].map((name): [string, Field[]] => [
      `extended CONNECT without ${name}`,
      without(EXTENDED, name),
    ]),
    ["extended CONNECT with host for authority", [...without(EXTENDED, ":authority"), ["host", "a"]]],
    ["extended CONNECT with an empty protocol", changed(EXTENDED, ":protocol", "")],
    ["CONNECT with a path", [...CONNECT, [":path", "/"]]],
    ["CONNECT with a scheme", [...CONNECT, [":scheme", "https"]]],
    ["CONNECT without authority", without(CONNECT, ":authority")],
    ["a protocol without CONNECT", [...GET, [":protocol", "websocket"]]],
    ["a pseudo-header of answers", [...GET, [":status", "200"]]],
    ["an unknown pseudo-header", [...GET, [":x", "y"]]],
    ["a pseudo-header after a field", [GET[0]!, ["a", "b"], ...GET.slice(1)]],
    ["a path without slash", changed(GET, ":path", "x")],
    ["a path with a space", changed(GET, ":path", "/a b")],
    ["a path with a fragment", changed(GET, ":path", "/a#b")],
    ["the path of everything without OPTIONS", changed(GET, ":path", "*")],
    ["user information", changed(GET, ":authority", "user@a.test")],
    ["a method that is no token", changed(GET, ":method", "GET /")],
    ["another host than the authority", [...GET, ["host", "b.test"]]],
    ["two hosts", [...without(GET, ":authority"), ["host", "a"], ["host", "a"]]],
    ["a name in upper case", [...GET, ["X-a", "b"]]],
    ["an empty name", [...GET, ["", "b"]]],
    ["a name with a space", [...GET, ["a b", "c"]]],
    ["a name with a line break", [...GET, ["a\n", "c"]]],
    ["CR in a value", [...GET, ["a", "b\rc"]]],
    ["LF in a value", [...GET, ["a", "b\nc"]]],
    ["NUL in a value", [...GET, ["a", "b\0c"]]],
    ["LF at the end of a value", [...GET, ["a", "b\n"]]],
    ["a line break in the authority", changed(GET, ":authority", "a\r\nx: y")],
    ["a space before a value", [...GET, ["a", " b"]]],
    ...["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"].map((
      name,
    ): [string, Field[]] => [
      `the field ${name}`,
      [...GET, [name, "x"]],
    ]),
    ["te: gzip", [...GET, ["te", "gzip"]]],
    ["two lengths of content", [...GET, ["content-length", "1"], ["content-length", "2"]]],
    ["twice the same length of content", [...GET, ["content-length", "1"], ["content-length", "1"]]],
    ["a length of content that is a list", [...GET, ["content-length", "1, 1"]]],
    ["a length of content below zero", [...GET, ["content-length", "-1"]]],
    ["nothing", []],
  ])("refuses %s", (_, fields) => {
    expect(() => parseRequestHead(fields)).toThrow(
      expect.objectContaining({ code: "codec/malformed", http3Name: "H3_MESSAGE_ERROR" }),
    );
  });
});

describe("parseResponseHead()", () => {
  it("reads an answer", () => {
    expect(parseResponseHead([[":status", "200"], ["server", "x"]])).toEqual({
      status: 200,
      headers: [["server", "x"]],
    });
  });

  it.each<[string, Field[]]>([
    ["no status", [["server", "x"]]],
    ["101", [[":status", "101"]]],
    ["099", [[":status", "099"]]],
    ["600", [[":status", "600"]]],
    ["2000", [[":status", "2000"]]],
    ["two", [[":status", "200"], [":status", "200"]]],
    ["one of a request beside it", [[":status", "200"], [":path", "/"]]],
  ])("refuses %s", (_, fields) => {
    expect(() => parseResponseHead(fields)).toThrow(
      expect.objectContaining({ http3Name: "H3_MESSAGE_ERROR" }),
    );
  });
});

describe("checkTrailers()", () => {
  it("takes fields, and refuses pseudo-headers", () => {
    checkTrailers([["grpc-status", "0"]]);
    expect(() => checkTrailers([[":status", "200"]])).toThrow(
      expect.objectContaining({ http3Name: "H3_MESSAGE_ERROR" }),
    );
  });
});
