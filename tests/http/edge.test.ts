import { describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import type { EdgeBindings } from "../../lib/http/env.ts";
import { until } from "../_support/test_gateway.ts";
import { edgeOf, LIMITS } from "./_edge.ts";

const GET = "GET /a HTTP/1.1\r\nhost: x\r\n\r\n";
const CONNECT = "CONNECT a.test:1 HTTP/1.1\r\nhost: a.test:1\r\n\r\n";

/** Answers with the path. */
const echoPath = (request: Request) => new Response(new URL(request.url).pathname);

/** Accepts every CONNECT, and greets the client in the tunnel. */
function greet(_request: Request, bindings: EdgeBindings): Response {
  bindings.takeOver(async (stream) => {
    await stream.write(utf8(`tunnel to ${bindings.connectTarget}`));
    stream.close();
  });
  return new Response(null, { status: 200, headers: { "x-request-id": "r-1" } });
}

function statuses(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}

describe("HttpEdge over HTTP/1.1", () => {
  it("answers a request, with its facts in the bindings, and keeps the connection", async () => {
    let seen: EdgeBindings | null = null;
    const { connect, edge } = edgeOf((_request, bindings) => {
      seen = bindings;
      return new Response("hello");
    });
    const client = connect();
    await client.send(GET);
    await until(() => client.received.endsWith("hello"));
    await client.send(GET);
    await until(() => statuses(client.received).length === 2);
    expect(seen).toMatchObject({
      connection: { peer: { address: "192.0.2.7" } },
      connectTarget: null,
      httpVersion: "1.1",
    });
    expect(edge.size).toBe(1);
    edge.close();
  });

  it("answers HEAD without a body", async () => {
    const { connect, edge } = edgeOf(echoPath);
    const client = connect();
    await client.send("HEAD /secret-body HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    await client.ended;
    expect(statuses(client.received)).toEqual([200]);
    expect(client.received).not.toContain("secret-body");
    expect(client.received.endsWith("\r\n\r\n")).toBe(true);
    edge.close();
  });

  it("answers pipelined requests in the order in which they came", async () => {
    const first = Promise.withResolvers<void>();
    const { connect, edge } = edgeOf(async (request) => {
      if (request.url.endsWith("/p1")) await first.promise;
      return echoPath(request);
    });
    const client = connect();
    await client.send(
      ["/p1", "/p2", "/p3"].map((path) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`).join(""),
    );
    first.resolve();
    await until(() => statuses(client.received).length === 3 && client.received.includes("/p3"));
    expect(client.received.match(/\/p\d/g)).toEqual(["/p1", "/p2", "/p3"]);
    edge.close();
  });

  it("does not take a connection for idle before the last pipelined request is answered", async () => {
    const second = Promise.withResolvers<void>();
    const { connect, edge, clock } = edgeOf(async (request) => {
      if (request.url.endsWith("/p2")) await second.promise;
      return echoPath(request);
    });
    const client = connect();
    await client.send(["/p1", "/p2"].map((path) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`).join(""));
    await until(() => client.received.includes("/p1"));
    await new Promise((resolve) => setTimeout(resolve));
    clock.advance(LIMITS.idleTimeoutMs);
    edge.drain();
    second.resolve();
    await until(() => client.received.includes("/p2"));
    edge.close();
  });

  it("answers 500 when the application throws, without saying why", async () => {
    const { connect, edge } = edgeOf(() => {
      throw new Error("the secret reason");
    });
    const client = connect();
    await client.send(GET);
    await until(() => statuses(client.received)[0] === 500);
    expect(client.received).not.toContain("secret");
    edge.close();
  });

  it.each([
    ["431 for a head over 64 KiB", `GET / HTTP/1.1\r\nhost: x\r\na: ${"a".repeat(66_000)}\r\n\r\n`, 431],
    ["431 for many fields", `GET / HTTP/1.1\r\nhost: x\r\n${"a: b\r\n".repeat(40_000)}\r\n`, 431],
    ["400 for what is not HTTP", "SSH-2.0-OpenSSH_9.6\r\n\r\n", 400],
    [
      "400 for two lengths",
      "GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
      400,
    ],
    [
      "400 for a length beside chunks",
      "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
      400,
    ],
    [
      "200 for an upgrade that nobody takes over",
      "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
      200,
    ],
  ])("answers %s, and closes", async (_, head, status) => {
    const { connect, edge, clock } = edgeOf(echoPath);
    const client = connect();
    void client.send(head);
    await client.ended;
    expect(statuses(client.received)).toEqual([status]);
    expect(client.received).toContain("connection: close");
    expect([edge.size, clock.pending]).toEqual([0, 0]);
    client.stream.close();
  });

  it("takes a head of just under 64 KiB", async () => {
    const { connect, edge } = edgeOf(echoPath);
    const client = connect();
    await client.send(`GET / HTTP/1.1\r\nhost: x\r\na: ${"a".repeat(65_000)}\r\n\r\n`);
    await until(() => statuses(client.received)[0] === 200);
    edge.close();
  });

  it.each(["", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\n"])(
    "answers 408 and closes when the head %j is all that comes in time",
    async (head) => {
      const { connect, edge, clock } = edgeOf(echoPath);
      const client = connect();
      await client.send(head);
      clock.advance(LIMITS.headTimeoutMs - 1);
      expect(edge.size).toBe(1);
      clock.advance(1);
      await client.ended;
      expect(statuses(client.received)).toEqual([408]);
      await until(() => edge.size === 0 && clock.pending === 0);
      client.stream.close();
    },
  );

  it("gives each later head its time too, from its first byte", async () => {
    const { connect, edge, clock } = edgeOf(echoPath);
    const client = connect();
    await client.send(GET);
    await until(() => client.received.endsWith("/a") && clock.pending === 1);
    clock.advance(LIMITS.headTimeoutMs * 2);
    await client.send("GET");
    await new Promise((resolve) => setTimeout(resolve));
    clock.advance(LIMITS.headTimeoutMs);
    await client.ended;
    expect(statuses(client.received)).toEqual([200, 408]);
    await until(() => edge.size === 0);
    client.stream.close();
  });

  it("closes an idle connection without a word", async () => {
    const { connect, edge, clock } = edgeOf(echoPath);
    const client = connect();
    await client.send(GET);
    await until(() => client.received.endsWith("/a") && clock.pending === 1);
    clock.advance(LIMITS.idleTimeoutMs - 1);
    expect(edge.size).toBe(1);
    clock.advance(1);
    await client.ended;
    expect(statuses(client.received)).toEqual([200]);
    await until(() => edge.size === 0);
  });

  it("sets no timer for a connection that vanishes while its request is served", async () => {
    const answer = Promise.withResolvers<void>();
    const { connect, edge, clock } = edgeOf(async (request) => {
      await answer.promise;
      return echoPath(request);
    });
    const client = connect();
    await client.send(GET);
    await until(() => clock.pending === 0);
    edge.close();
    await until(() => edge.size === 0);
    answer.resolve();
    await new Promise((resolve) => setTimeout(resolve));
    expect(clock.pending).toBe(0);
  });

  it("drains: closes idle connections, and lets a request finish", async () => {
    const answer = Promise.withResolvers<void>();
    const { connect, edge } = edgeOf(async (request) => {
      await answer.promise;
      return echoPath(request);
    });
    const [idle, busy] = [connect(), connect()];
    await busy.send("GET /busy HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    await new Promise((resolve) => setTimeout(resolve));
    edge.drain();
    await idle.ended;
    expect(idle.received).toBe("");
    answer.resolve();
    await busy.ended;
    expect(busy.received).toContain("/busy");
    await busy.stream.closeWrite();
    await edge.empty();
  });
});

describe("CONNECT over HTTP/1.1", () => {
  it("is answered without framing fields, and the rest is the tunnel's", async () => {
    const { connect, edge, clock } = edgeOf(greet);
    const client = connect();
    await client.send(CONNECT);
    await client.ended;
    const [head, body] = client.received.split("\r\n\r\n");
    expect(head!.split("\r\n")).toEqual(["HTTP/1.1 200 OK", "x-request-id: r-1"]);
    expect(body).toBe("tunnel to a.test:1");
    expect([edge.size, clock.pending]).toEqual([0, 0]);
  });

  it("hands over the bytes that came with the request", async () => {
    const received = Promise.withResolvers<string>();
    const { connect } = edgeOf((_request, bindings) => {
      bindings.takeOver(async (stream) => {
        let text = "";
        const buffer = new Uint8Array(3);
        for (let count = await stream.read(buffer); count !== null; count = await stream.read(buffer)) {
          text += new TextDecoder().decode(buffer.subarray(0, count));
        }
        stream.close();
        received.resolve(text);
      });
      return new Response(null, { status: 200 });
    });
    const client = connect();
    await client.send(`${CONNECT}early `);
    await client.send("and late");
    await client.stream.closeWrite();
    expect(await received.promise).toBe("early and late");
  });

  it("is answered whole and closed when it is refused", async () => {
    const { connect } = edgeOf(() => new Response("no\n", { status: 403 }));
    const client = connect();
    await client.send(CONNECT);
    await client.ended;
    expect(client.received).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
    expect(client.received).toContain("content-length: 3\r\n");
    expect(client.received).toContain("connection: close\r\n");
    expect(client.received.endsWith("\r\n\r\nno\n")).toBe(true);
    client.stream.close();
  });

  it("waits until a request that was sent ahead of it is answered", async () => {
    const answer = Promise.withResolvers<void>();
    const { connect } = edgeOf(async (request, bindings) => {
      if (request.method === "CONNECT") return greet(request, bindings);
      await answer.promise;
      return echoPath(request);
    });
    const client = connect();
    await client.send(GET + CONNECT);
    await new Promise((resolve) => setTimeout(resolve));
    expect(client.received).toBe("");
    answer.resolve();
    await client.ended;
    expect(client.received).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n\/aHTTP\/1\.1 200 OK\r\n/);
    expect(client.received.endsWith("\r\n\r\ntunnel to a.test:1")).toBe(true);
  });

  it("that the application fails on is answered with 500", async () => {
    const { connect } = edgeOf(() => Promise.reject(new Error("the secret reason")));
    const client = connect();
    await client.send(CONNECT);
    await client.ended;
    expect(statuses(client.received)).toEqual([500]);
    expect(client.received).not.toContain("secret");
    client.stream.close();
  });
});
