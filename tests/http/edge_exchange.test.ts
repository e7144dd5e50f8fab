import http2, { type ClientHttp2Session } from "node:http2";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { StreamDuplex } from "../../lib/base/stream_duplex.ts";
import type { EdgeBindings } from "../../lib/http/env.ts";
import type { Exchange } from "../../lib/http/exchange.ts";
import { memoryPair } from "../base/_memory_stream.ts";
import { until } from "../_support/test_gateway.ts";
import { edgeOf, factsOf } from "./_edge.ts";

type Fetch = Parameters<typeof edgeOf>[0];

/** Lets `run` answer every request. */
function forwarding(run: (exchange: Exchange) => Promise<void>): Fetch {
  return (_request, bindings) => {
    bindings.forward(run);
    return new Response(null);
  };
}

async function bodyOf(exchange: Exchange): Promise<string> {
  let text = "";
  for (let chunk = await exchange.read(); chunk !== null; chunk = await exchange.read()) {
    text += new TextDecoder().decode(chunk);
  }
  return text;
}

/** Answers with everything that it was given. */
const echo = forwarding(async (exchange) => {
  const { method, headers, hasBody } = exchange;
  const body = await bodyOf(exchange);
  exchange.inform(103, ["Link", "</a>"]);
  exchange.respond({ status: 201, headers: ["X-A", "1", "X-B", "2", "X-A", "3"], isLast: false });
  const said = { method, headers, hasBody, body, trailers: exchange.trailers };
  await exchange.write(utf8(JSON.stringify(said)));
  await exchange.end(["X-Trailer", "t"]);
});

/** An HTTP/2 client of an edge, in memory. */
function http2Client(edge: ReturnType<typeof edgeOf>["edge"]): ClientHttp2Session {
  const [far, near] = memoryPair();
  edge.serve({ facts: factsOf("h2"), stream: near });
  return http2.connect("https://a.test", { createConnection: () => new StreamDuplex(far) });
}

describe("An exchange over HTTP/1.1", () => {
  it("keeps order, case and duplicates of fields, the body and the trailers", async () => {
    const { connect, edge } = edgeOf(echo);
    const client = connect();
    await client.send(
      "POST /a HTTP/1.1\r\nHost: x\r\nX-Dup: 1\r\nx-dup: 2\r\nTransfer-Encoding: chunked\r\n\r\n" +
        "3\r\nabc\r\n0\r\nX-T: v\r\n\r\n",
    );
    await until(() => client.received.endsWith("0\r\nX-Trailer: t\r\n\r\n"));
    const [hints, head = "", body = ""] = client.received.split("\r\n\r\n");
    expect(hints).toBe("HTTP/1.1 103 Early Hints\r\nLink: </a>");
    expect(head.split("\r\n").slice(0, 4)).toEqual(["HTTP/1.1 201 Created", "X-A: 1", "X-B: 2", "X-A: 3"]);
    expect(JSON.parse(body.split("\r\n")[1]!)).toEqual({
      method: "POST",
      headers: ["Host", "x", "X-Dup", "1", "x-dup", "2", "Transfer-Encoding", "chunked"],
      hasBody: true,
      body: "abc",
      trailers: ["X-T", "v"],
    });
    edge.close();
  });

  it("tells a client to go on when its body is read, and no earlier", async () => {
    const read = Promise.withResolvers<void>();
    const { connect, edge } = edgeOf(forwarding(async (exchange) => {
      await read.promise;
      const body = await bodyOf(exchange);
      exchange.respond({ status: 200, headers: ["content-length", "2"], isLast: false });
      await exchange.write(utf8(body));
      await exchange.end([]);
    }));
    const client = connect();
    await client.send("POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n");
    await new Promise((resolve) => setTimeout(resolve));
    expect(client.received).toBe("");
    read.resolve();
    await until(() => client.received === "HTTP/1.1 100 Continue\r\n\r\n");
    await client.send("hi");
    await until(() => client.received.endsWith("\r\n\r\nhi"));
    edge.close();
  });

  it("is broken off in the middle of the answer, without its end", async () => {
    const { connect, edge } = edgeOf(forwarding(async (exchange) => {
      exchange.respond({ status: 200, headers: [], isLast: false });
      await exchange.write(utf8("part"));
      exchange.abort();
    }));
    const client = connect();
    await client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    await client.ended;
    expect(client.received).not.toContain("\r\n0\r\n");
    await until(() => edge.size === 0);
  });

  it("hears of a client that goes away", async () => {
    const gone = Promise.withResolvers<void>();
    const { connect } = edgeOf(forwarding(async (exchange) => {
      exchange.signal.addEventListener("abort", () => gone.resolve());
      await gone.promise;
      await expect(exchange.write(utf8("late"))).rejects.toThrow();
    }));
    const client = connect();
    await client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    client.stream.close();
    await gone.promise;
  });
});

describe("An upgrade over HTTP/1.1", () => {
  const UPGRADE =
    "GET /ws?a=b HTTP/1.1\r\nhost: x\r\nconnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\n";

  it("is taken over after a 101, with the bytes that came early", async () => {
    let seen: Partial<EdgeBindings> = {};
    const { connect, edge } = edgeOf((request, bindings) => {
      seen = { ...bindings, url: request.url } as typeof seen;
      bindings.takeOver(async (stream) => {
        const buffer = new Uint8Array(5);
        await stream.read(buffer);
        await stream.write(buffer);
        stream.close();
      });
      return new Response(null, { status: 101, headers: { upgrade: "websocket" } });
    });
    const client = connect();
    await client.send(`${UPGRADE}\r\nearly`);
    await client.ended;
    expect(client.received).toBe("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\nearly");
    expect(seen).toMatchObject({
      upgrade: "websocket",
      requestTarget: "/ws?a=b",
      connectTarget: null,
      url: "https://x/ws?a=b",
    });
    expect(edge.size).toBe(0);
  });

  it("is answered like another request by an exchange, and closed", async () => {
    const { connect, edge } = edgeOf(echo);
    const client = connect();
    await client.send(`${UPGRADE}\r\n`);
    await client.ended;
    expect(client.received).toContain("HTTP/1.1 201 Created");
    expect(client.received.toLowerCase()).toContain("connection: close");
    client.stream.close();
    await until(() => edge.size === 0);
  });

  it.each([
    ["a body", `${UPGRADE}content-length: 3\r\n\r\nabc`],
    ["no host", UPGRADE.replace("host: x", "a: b") + "\r\n"],
    ["two hosts", `${UPGRADE}host: y\r\n\r\n`],
    ["a host with a name in it", UPGRADE.replace("host: x", "host: a@b") + "\r\n"],
    ["a whole URL of another host", UPGRADE.replace("/ws", "http://y/") + "\r\n"],
  ])("is refused with %s", async (_, request) => {
    const { connect } = edgeOf(() => new Response("served"));
    const client = connect();
    await client.send(request);
    await client.ended;
    expect(client.received).toMatch(/^HTTP\/1.1 400 /);
    client.stream.close();
  });

  it.each([["websocket, h2c"], [""]])("is none for the protocols %j", async (protocols) => {
    let upgrade: string | null = "unset";
    const { connect } = edgeOf((_request, bindings) => {
      upgrade = bindings.upgrade;
      return new Response("served");
    });
    const client = connect();
    await client.send(
      `GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: ${protocols}\r\n\r\n`,
    );
    await client.ended;
    expect(upgrade).toBe(null);
    client.stream.close();
  });
});

describe("An exchange over HTTP/2", () => {
  it("keeps order and duplicates of fields, the body and the trailers", async () => {
    const { edge } = edgeOf(echo);
    const session = http2Client(edge);
    const stream = session.request(
      { ":method": "POST", ":path": "/a", "x-dup": ["1", "2"], te: "trailers" },
      {
        waitForTrailers: true,
        endStream: false,
      },
    );
    const seen: { hints?: unknown; head?: string[]; trailers?: unknown; body: string } = { body: "" };
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-t": "v" }));
    stream.on("headers", (headers) => (seen.hints = headers.link));
    stream.on("response", (_headers, _flags, raw) => (seen.head = raw as string[]));
    stream.on("trailers", (headers) => (seen.trailers = headers["x-trailer"]));
    stream.on("data", (chunk) => (seen.body += chunk));
    stream.end("abc");
    await new Promise((resolve) => stream.on("close", resolve));
    expect(seen).toMatchObject({ hints: "</a>", trailers: "t" });
    expect(seen.head!.slice(0, 8)).toEqual([":status", "201", "x-a", "1", "x-b", "2", "x-a", "3"]);
    expect(JSON.parse(seen.body)).toEqual({
      method: "POST",
      headers: ["x-dup", "1", "x-dup", "2", "te", "trailers"],
      hasBody: true,
      body: "abc",
      trailers: ["x-t", "v"],
    });
    session.destroy();
    edge.close();
  });

  it("is broken off in the middle of the answer with an error", async () => {
    const { edge } = edgeOf(forwarding(async (exchange) => {
      exchange.respond({ status: 200, headers: [], isLast: false });
      await exchange.write(utf8("part"));
      exchange.abort();
    }));
    const session = http2Client(edge);
    const stream = session.request({ ":path": "/" });
    stream.on("error", () => {}).resume();
    await new Promise((resolve) => stream.on("close", resolve));
    expect(stream.rstCode).toBe(http2.constants.NGHTTP2_INTERNAL_ERROR);
    session.destroy();
    edge.close();
  });

  it("hears of a client that cancels", async () => {
    const gone = Promise.withResolvers<void>();
    const failed = Promise.withResolvers<unknown>();
    const { edge } = edgeOf(forwarding(async (exchange) => {
      exchange.signal.addEventListener("abort", () => gone.resolve());
      exchange.respond({ status: 200, headers: [], isLast: false });
      await exchange.read().catch(failed.resolve);
    }));
    const session = http2Client(edge);
    const stream = session.request({ ":method": "POST", ":path": "/" }, { endStream: false });
    stream.on("error", () => {}).resume();
    await new Promise((resolve) => stream.on("response", resolve));
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await gone.promise;
    expect(await failed.promise).toBeInstanceOf(Error);
    session.destroy();
    edge.close();
  });
});

describe("Extended CONNECT over HTTP/2", () => {
  it("reaches the application with its URL and protocol, and is taken over", async () => {
    let seen: unknown = null;
    const { edge } = edgeOf((request, bindings) => {
      const { upgrade, connectTarget, requestTarget, httpVersion } = bindings;
      seen = { method: request.method, url: request.url, upgrade, connectTarget, requestTarget, httpVersion };
      bindings.takeOver(async (stream) => {
        await stream.write(utf8("hello")).catch(() => {});
        stream.close();
      });
      return new Response(null);
    });
    const session = http2Client(edge);
    await new Promise((resolve) => session.on("remoteSettings", resolve));
    expect(session.remoteSettings.enableConnectProtocol).toBe(true);
    const stream = session.request({
      ":method": "CONNECT",
      ":protocol": "WebSocket",
      ":scheme": "https",
      ":authority": "b.test",
      ":path": "/chat?x=y",
    }, { endStream: false });
    const first = new Promise((resolve) => stream.on("data", (chunk) => resolve(String(chunk))));
    stream.on("error", () => {});
    expect(await first).toBe("hello");
    expect(seen).toEqual({
      method: "CONNECT",
      url: "https://b.test/chat?x=y",
      upgrade: "websocket",
      connectTarget: null,
      requestTarget: "/chat?x=y",
      httpVersion: "2.0",
    });
    session.destroy();
    edge.close();
  });
});
