import { describe, expect, it } from "vitest";
import { fromUtf8, utf8 } from "../../lib/base/bytes.ts";
import { parseTo } from "../../lib/config/to_url.ts";
import { connectThrough, connectUdpThrough } from "../../lib/upstream/dial_proxy.ts";
import { memoryPair } from "../base/_memory_stream.ts";
import { readExactly } from "../_support/test_gateway.ts";
import { failureOf } from "./_support.ts";

const proxy = parseTo("http://proxy.test:3128").upstream;
const target = { host: "2001:db8::1", port: 5432 };
const options = { proxy, target, via: "1.1 a, 1.1 b", signal: new AbortController().signal };

/** Asks over a connection whose other end answers with `answer`. @returns what came of it, and the request */
function ask(
  answer: string,
  through: typeof connectThrough = connectThrough,
  more: Partial<typeof options> | { target: null } = {},
) {
  const [near, far] = memoryPair();
  const asking = through(near, { ...options, ...more });
  asking.catch(() => {});
  const request = (async () => {
    let head = "";
    while (!head.endsWith("\r\n\r\n")) head += await readExactly(far, 1);
    await far.write(utf8(answer));
    return head;
  })();
  request.catch(() => {});
  return { asking, request, far };
}

describe("connectThrough()", () => {
  it("asks for the destination, and gives out what follows the answer", async () => {
    const { asking, request, far } = ask("HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello");
    expect(await request).toBe(
      "CONNECT [2001:db8::1]:5432 HTTP/1.1\r\nHost: [2001:db8::1]:5432\r\nVia: 1.1 a, 1.1 b\r\n\r\n",
    );
    const stream = await asking;
    expect(await readExactly(stream, 5)).toBe("hello");
    const [, more] = await Promise.all([stream.write(utf8("more")), readExactly(far, 4)]);
    expect(more).toBe("more");
    stream.close();
  });

  it("asks the proxy for itself", async () => {
    const { request } = ask("HTTP/1.1 200 OK\r\n\r\n", connectThrough, { target: null });
    expect(await request).toMatch(/^CONNECT proxy\.test:3128 HTTP\/1\.1\r\nHost: proxy\.test:3128\r\n/);
  });

  it.each([
    ["HTTP/1.1 403 Forbidden\r\n\r\n", "dial/proxy-refused"],
    ["HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "dial/proxy-refused"],
    ["HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "dial/proxy-refused"],
    ["HTTP/1.1 101 Switching\r\n\r\n", "dial/proxy-refused"],
    ["HTTP/1.1 503 Service Unavailable\r\n\r\n", "dial/proxy-failed"],
    ["HTTP/1.1 508 Loop Detected\r\n\r\n", "dial/proxy-loop"],
    ["HTTP/1.1 502 No\r\nProxy-Status: next; error=proxy_loop_detected\r\n\r\n", "dial/proxy-loop"],
    ["SSH-2.0-OpenSSH_9.9\r\n\r\n", "dial/proxy-failed"],
    [`HTTP/1.1 200 OK\r\nX: ${"a".repeat(70_000)}\r\n\r\n`, "dial/proxy-failed"],
  ])("takes %j for a failure, and closes the connection", async (answer, code) => {
    const { asking, far } = ask(answer);
    expect((await failureOf(asking)).code).toBe(code);
    await expect(far.write(utf8("x"))).rejects.toThrow();
  });

  it("gives up when it is told to, and closes the connection", async () => {
    const abort = new AbortController();
    const [near, far] = memoryPair();
    const asking = connectThrough(near, { ...options, signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(asking).rejects.toThrow("enough");
    await expect(far.write(utf8("x"))).rejects.toThrow();
  });
});

describe("connectUdpThrough()", () => {
  it("asks to go over to connect-udp, and gives out capsules", async () => {
    const answer = "HTTP/1.1 101 Switching Protocols\r\nCapsule-Protocol: ?1\r\n\r\n\0\x02\0a";
    const { asking, request } = ask(answer, connectUdpThrough);
    expect(await request).toBe(
      "GET /.well-known/masque/udp/2001%3Adb8%3A%3A1/5432/ HTTP/1.1\r\nHost: proxy.test:3128\r\n" +
        "Connection: Upgrade\r\nUpgrade: connect-udp\r\nCapsule-Protocol: ?1\r\nVia: 1.1 a, 1.1 b\r\n\r\n",
    );
    const capsule = new Uint8Array(4);
    expect(await (await asking).read(capsule)).toBe(4);
    expect(fromUtf8(capsule)).toBe("\0\x02\0a");
  });

  it.each(["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 501 Not Implemented\r\n\r\n"])(
    "takes %j for a failure",
    async (answer) => {
      expect((await failureOf(ask(answer, connectUdpThrough).asking)).code).toMatch(/^dial\/proxy-/);
    },
  );
});
