import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import { CodecError } from "../../lib/codec/codec_error.ts";
import { Socks5Client } from "../../lib/codec/socks5.ts";

const CHOSEN = Uint8Array.of(5, 0);
const PAYLOAD = utf8("SSH-2.0");
const REPLIES: readonly [string, Uint8Array<ArrayBuffer>][] = [
  ["IPv4", Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0)],
  ["IPv6", Uint8Array.of(5, 0, 0, 4, ...new Uint8Array(16), 1, 2)],
  ["a name", Uint8Array.of(5, 0, 0, 3, 2, 104, 105, 1, 2)],
];

function asked(host = "example.com", port = 80): { client: Socks5Client; request: Uint8Array | null } {
  const client = new Socks5Client({ host, port });
  const step = client.push(CHOSEN);
  if (step.kind !== "wait") throw new Error(step.kind);
  return { client, request: step.send };
}

describe("Socks5Client", () => {
  it("greets with no authentication only", () => {
    expect([...new Socks5Client({ host: "a", port: 1 }).greeting]).toEqual([5, 1, 0]);
  });

  it.each([
    ["192.0.2.7", 443, [5, 1, 0, 1, 192, 0, 2, 7, 1, 187]],
    ["2001:db8::1", 22, [5, 1, 0, 4, 0x20, 1, 0xd, 0xb8, ...new Array(11).fill(0), 1, 0, 22]],
    ["localhost", 8080, [5, 1, 0, 3, 9, ...utf8("localhost"), 31, 144]],
  ])("asks for %s:%i", (host, port, request) => {
    expect([...asked(host, port).request!]).toEqual(request);
  });

  it("refuses a name that does not fit", () => {
    expect(() => new Socks5Client({ host: "x".repeat(256), port: 1 })).toThrowError(CodecError);
  });

  it.each(REPLIES)("opens after every split of a reply with %s, and gives the rest out", (_, reply) => {
    const whole = concatBytes([reply, PAYLOAD]);
    for (let at = 0; at <= whole.length; at++) {
      const { client } = asked();
      const first = client.push(whole.subarray(0, at));
      const isEarly = first.kind === "open";
      const last = isEarly ? first : client.push(whole.subarray(at));
      if (last.kind !== "open") throw new Error(last.kind);
      const later = isEarly ? whole.subarray(at) : new Uint8Array(0);
      expect(concatBytes([last.rest, later])).toEqual(PAYLOAD);
    }
  });

  it("waits for the choice of a method byte by byte", () => {
    const client = new Socks5Client({ host: "a", port: 1 });
    expect(client.push(new Uint8Array(0))).toEqual({ kind: "wait", send: null });
    expect(client.push(Uint8Array.of(5))).toEqual({ kind: "wait", send: null });
    expect(client.push(Uint8Array.of(0))).toMatchObject({ kind: "wait", send: expect.any(Uint8Array) });
  });

  it.each([[5, "connection refused"], [4, "host unreachable"], [200, "reply 200"]])(
    "says why with reply %i",
    (reply, reason) => {
      const step = asked().client.push(Uint8Array.of(5, reply, 0, 1, 0, 0, 0, 0, 0, 0));
      expect(step).toEqual({ kind: "refused", reason });
    },
  );

  it("says that authentication is asked for", () => {
    expect(new Socks5Client({ host: "a", port: 1 }).push(Uint8Array.of(5, 255)))
      .toEqual({ kind: "refused", reason: "it asks for authentication" });
  });

  it.each([
    ["another protocol", "HTTP/1.1 400 Bad Request", "codec/unexpected"],
    ["SOCKS 4", "\x00Z", "codec/unexpected"],
    ["a method that was not offered", "\x05\x02", "codec/malformed"],
    ["more than its turn", "\x05\x00\x05", "codec/malformed"],
  ])("refuses %s in place of a method", (_, text, code) => {
    expect(() => new Socks5Client({ host: "a", port: 1 }).push(utf8(text)))
      .toThrowError(expect.objectContaining({ code }));
  });

  it.each([
    ["another version", [4, 0, 0, 1], "codec/unexpected"],
    ["a reserved byte", [5, 0, 1, 1], "codec/malformed"],
    ["an unknown kind of address", [5, 0, 0, 2], "codec/malformed"],
  ])("refuses a reply with %s", (_, bytes, code) => {
    expect(() => asked().client.push(Uint8Array.from(bytes))).toThrowError(expect.objectContaining({ code }));
  });

  it("says that an end comes too early", () => {
    expect(() => asked().client.end()).toThrowError(expect.objectContaining({ code: "codec/truncated" }));
  });

  it("comes to the same for any bytes however they are split", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, at) => {
      const run = (chunks: Uint8Array[]) => {
        const { client } = asked();
        try {
          for (const [i, chunk] of chunks.entries()) {
            const step = client.push(chunk);
            if (step.kind === "open") {
              return ["open", [...step.rest, ...chunks.slice(i + 1).flatMap((c) => [...c])]];
            }
            if (step.kind === "refused") return step;
          }
          return "wait";
        } catch (error) {
          if (error instanceof CodecError) return error.code;
          throw error;
        }
      };
      expect(run([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(run([bytes]));
    }));
  });
});
