import { describe, expect, it } from "vitest";
import { fromUtf8, utf8 } from "../../lib/base/bytes.ts";
import { ClientError } from "../../lib/client/client_error.ts";
import { readResponseHead } from "../../lib/client/response_head.ts";
import { readText } from "./_scripted_gateway.ts";

/** Gives out these pieces, one each read. */
function pieces(...texts: string[]) {
  const queue = texts.map(utf8);
  return {
    read(into: Uint8Array) {
      const next = queue[0];
      if (next === undefined) return Promise.resolve(null);
      const count = Math.min(next.length, into.length);
      into.set(next.subarray(0, count));
      if (count === next.length) queue.shift();
      else queue[0] = next.slice(count);
      return Promise.resolve(count);
    },
  };
}

describe("readResponseHead()", () => {
  const ANSWER = "HTTP/1.1 200 OK\r\nX-A: b\r\nx-a: c\r\nEmpty:\r\n\r\nrest";

  it("reads status, header fields and what came with them", async () => {
    const { status, headers, rest } = await readResponseHead(pieces(ANSWER));
    expect(status).toBe(200);
    expect([...headers]).toEqual([["x-a", "b"], ["empty", ""]]);
    expect(fromUtf8(rest)).toBe("rest");
  });

  it.each(Array.from({ length: ANSWER.length - 1 }, (_, i) => i + 1))(
    "reads it split at byte %d",
    async (at) => {
      const source = pieces(ANSWER.slice(0, at), ANSWER.slice(at));
      const { status, headers, rest } = await readResponseHead(source);
      expect([status, headers.get("x-a")]).toEqual([200, "b"]);
      expect(fromUtf8(rest) + await readText(source)).toBe("rest");
    },
  );

  it.each(["HTTP/1.1 200 \r\n\r\n", "HTTP/1.1 200\r\n\r\n", "HTTP/1.0 200 Fine\r\n\r\n"])(
    "reads %j",
    async (text) => {
      expect((await readResponseHead(pieces(text))).status).toBe(200);
    },
  );

  it("passes over interim answers", async () => {
    const interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
    const { status, headers, rest } = await readResponseHead(pieces(interim + ANSWER));
    expect([status, headers.get("link"), fromUtf8(rest)]).toEqual([200, undefined, "rest"]);
  });

  it("takes 101 for final", async () => {
    expect((await readResponseHead(pieces("HTTP/1.1 101 Switching\r\n\r\n"))).status).toBe(101);
  });

  it.each([
    ["nothing", ""],
    ["half an answer", "HTTP/1.1 200 OK\r\nX-A: b\r\n"],
    ["another protocol", "SSH-2.0-OpenSSH_9.9\r\n\r\n"],
    ["HTTP/2", "HTTP/2 200 OK\r\n\r\n"],
    ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"],
    ["a status of 600", "HTTP/1.1 600 OK\r\n\r\n"],
    ["an empty status line", "\r\n\r\n"],
    ["a header field without colon", "HTTP/1.1 200 OK\r\nbroken\r\n\r\n"],
    ["a header field without name", "HTTP/1.1 200 OK\r\n: x\r\n\r\n"],
    ["a head of more than 64 KiB", `HTTP/1.1 200 OK\r\nX-A: ${"a".repeat(64 * 1024)}\r\n\r\n`],
    ["interim answers of more than 64 KiB", "HTTP/1.1 100 Continue\r\n\r\n".repeat(4000) + ANSWER],
  ])("refuses %s", async (_, text) => {
    const error = await readResponseHead(pieces(text)).catch((error) => error);
    expect(error).toBeInstanceOf(ClientError);
    expect(error.code).toBe("client/bad-response");
  });
});
