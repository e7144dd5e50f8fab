import { describe, expect, it } from "vitest";
import { fromUtf8, utf8 } from "../../lib/base/bytes.ts";
import type { Field } from "../../lib/codec/qpack.ts";
import { Http3Connection } from "../../lib/carrier/http3_connection.ts";
import type { Http3Stream } from "../../lib/carrier/http3_stream.ts";
import type { EdgeOptions } from "../../lib/http/edge.ts";
import type { EdgeBindings } from "../../lib/http/env.ts";
import { Http3Edge } from "../../lib/http/http3_edge.ts";
import { silentLog } from "../../lib/observe/log.ts";
import { clock, CONNECT, CONNECT_UDP, quicPair, useQuic } from "../_support/quic.ts";
import { readAll, until } from "../_support/test_gateway.ts";
import { factsOf, LIMITS } from "./_edge.ts";

useQuic();

async function edgeOf(fetch: EdgeOptions["fetch"]) {
  const edge = new Http3Edge({ fetch, limits: LIMITS, clock, log: silentLog });
  const { near, far } = await quicPair();
  edge.serve({ facts: factsOf("h3"), conn: near });
  return { edge, client: Http3Connection.connect(far) };
}

function request(method: string, path = "/", ...fields: Field[]): Field[] {
  return [[":method", method], [":scheme", "https"], [":authority", "a.test"], [":path", path], ...fields];
}

async function text(stream: Http3Stream): Promise<string> {
  return fromUtf8(await readAll(stream));
}

describe("a request over HTTP/3", () => {
  it("is one like any other, with its content, and its answer comes as it is made", async () => {
    const asked: [string, string, string | null, EdgeBindings][] = [];
    const { client } = await edgeOf((request, bindings) => {
      asked.push([request.method, request.url, request.headers.get("cookie"), bindings]);
      return new Response(request.body, {
        status: 201,
        headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]],
      });
    });
    const stream = await client.request(request("POST", "/a%2Fb?c=d", ["cookie", "x=1"], ["cookie", "y=2"]));
    await stream.write(utf8("one "));
    const { status, headers } = await stream.readAnswer();
    expect(status).toBe(201);
    expect(headers.filter(([name]) => name === "set-cookie").map(([, value]) => value)).toEqual([
      "a=1",
      "b=2",
    ]);
    const buffer = new Uint8Array(10);
    expect(fromUtf8(buffer.subarray(0, (await stream.read(buffer))!))).toBe("one ");
    await stream.write(utf8("two"));
    await stream.closeWrite();
    expect(await text(stream)).toBe("two");
    const [method, url, cookie, bindings] = asked[0]!;
    expect([method, url, cookie]).toEqual(["POST", "https://a.test/a%2Fb?c=d", "x=1; y=2"]);
    expect(bindings).toMatchObject({
      connection: factsOf("h3"),
      connectTarget: null,
      upgrade: null,
      requestTarget: "/a%2Fb?c=d",
      httpVersion: "3",
    });
  });

  it.each<[string, EdgeOptions["fetch"]]>([
    ["the application", async (request) => new Response(`got ${await request.text()}`)],
    ["an exchange", (_, { forward }) => {
      forward(async (exchange) => {
        const part = await exchange.read();
        exchange.respond({ status: 200, headers: [], isLast: false });
        await exchange.write(utf8(`got ${fromUtf8(part!)}`));
        await exchange.end([]);
      });
      return new Response();
    }],
  ])("that waits to be told to go on is told so when %s reads", async (_, fetch) => {
    const { client } = await edgeOf(fetch);
    const stream = await client.request(request("POST", "/", ["expect", "100-continue"]));
    expect(await stream.readFields()).toEqual([[":status", "100"]]);
    await stream.write(utf8("content"));
    await stream.closeWrite();
    expect((await stream.readAnswer()).status).toBe(200);
    expect(await text(stream)).toBe("got content");
  });

  it("that waits to be told to go on is not, once it has its answer", async () => {
    const { client } = await edgeOf((request) => new Response(request.body));
    const stream = await client.request(request("POST", "/", ["expect", "100-continue"]));
    expect((await stream.readFields())[0]).toEqual([":status", "200"]);
    await stream.write(utf8("content"));
    await stream.closeWrite();
    expect(await text(stream)).toBe("content");
  });

  it("with HEAD is answered without content", async () => {
    const { client } = await edgeOf(() => new Response("content"));
    const stream = await client.request(request("HEAD"));
    await stream.closeWrite();
    expect((await stream.readAnswer()).status).toBe(200);
    expect(await text(stream)).toBe("");
  });

  it("whose answer breaks off is found broken", async () => {
    const { client } = await edgeOf(() => {
      const parts = [utf8("half")];
      return new Response(
        new ReadableStream({
          pull(controller) {
            const part = parts.shift();
            if (part === undefined) controller.error(new Error("broken"));
            else controller.enqueue(part);
          },
        }),
      );
    });
    const stream = await client.request(request("GET"));
    await stream.readAnswer();
    await expect(text(stream)).rejects.toMatchObject({ http3Name: "H3_MESSAGE_ERROR" });
    expect(client.isClosed).toBe(false);
  });

  it("whose client goes away stops its answer", async () => {
    const cancelled = Promise.withResolvers<void>();
    const { client } = await edgeOf(() =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(10_000)),
          cancel: () => cancelled.resolve(),
        }),
      )
    );
    const stream = await client.request(request("GET"));
    await stream.readAnswer();
    stream.close();
    await cancelled.promise;
  });

  it.each<[string, Field[]]>([
    ["a fragment", request("GET", "/a#b")],
    ["a method that fetch knows not", request("TRACE")],
    ["another scheme", [[":method", "GET"], [":scheme", "ftp"], [":authority", "a.test"], [":path", "/"]]],
    ["a host that is none", [[":method", "GET"], [":scheme", "https"], [":authority", "a b"], [
      ":path",
      "/",
    ]]],
  ])("with %s is refused", async (_, fields) => {
    const { client } = await edgeOf(() => new Response("served"));
    expect((await (await client.request(fields)).readAnswer()).status).toBe(400);
  });

  it("whose handler fails is answered 500", async () => {
    const { client } = await edgeOf(() => Promise.reject(new Error("secret")));
    const stream = await client.request(request("GET"));
    expect((await stream.readAnswer()).status).toBe(500);
    expect(await text(stream)).not.toContain("secret");
  });
});

describe("a tunnel over HTTP/3", () => {
  it("has the stream of its CONNECT, and no datagrams", async () => {
    let asked: unknown;
    const { client } = await edgeOf((request, { connectTarget, upgrade, takeOver }) => {
      takeOver(async (stream, datagrams) => {
        asked = { method: request.method, connectTarget, upgrade, datagrams };
        await stream.write(utf8("welcome"));
        await stream.closeWrite();
      });
      return new Response(null, { status: 200 });
    });
    const stream = await client.request(CONNECT);
    expect((await stream.readAnswer()).status).toBe(200);
    expect(await text(stream)).toBe("welcome");
    expect(asked).toEqual({
      method: "CONNECT",
      connectTarget: "db.test:5432",
      upgrade: null,
      datagrams: null,
    });
  });

  it("has the datagrams of its extended CONNECT", async () => {
    let asked: unknown;
    const { client } = await edgeOf((request, { connectTarget, upgrade, takeOver }) => {
      asked = { url: request.url, connectTarget, upgrade };
      takeOver(async (stream, datagrams) => {
        await datagrams!.receive((payload) => void datagrams!.send(payload));
        stream.close();
      });
      return new Response(null, { status: 200 });
    });
    const stream = await client.request(CONNECT_UDP);
    expect((await stream.readAnswer()).status).toBe(200);
    const got: string[] = [];
    void stream.datagrams!.receive((payload) => void got.push(fromUtf8(payload)));
    stream.datagrams!.send(utf8("ping"));
    await until(() => got.length === 1);
    expect(got).toEqual(["ping"]);
    expect(asked).toEqual({
      url: "https://a.test/.well-known/masque/udp/192.0.2.1/53/",
      connectTarget: null,
      upgrade: "connect-udp",
    });
  });

  it("that is refused has an answer with content", async () => {
    const { client } = await edgeOf((_, { takeOver }) => {
      takeOver(() => Promise.reject(new Error("not to be called")));
      return new Response("no", { status: 403 });
    });
    const stream = await client.request(CONNECT);
    expect([(await stream.readAnswer()).status, await text(stream)]).toEqual([403, "no"]);
  });
});

describe("an exchange over HTTP/3", () => {
  it("has interim answers, content and trailers both ways", async () => {
    const { client } = await edgeOf((_, { forward }) => {
      forward(async (exchange) => {
        exchange.inform(103, ["Link", "</a>"]);
        const parts: string[] = [];
        for (let part = await exchange.read(); part !== null; part = await exchange.read()) {
          parts.push(fromUtf8(part));
        }
        exchange.respond({ status: 202, headers: ["X-Asked", exchange.headers.join()], isLast: false });
        await exchange.write(utf8(parts.join("")));
        await exchange.end(["X-End", exchange.trailers.join()]);
      });
      return new Response();
    });
    const stream = await client.request(request("PUT", "/", ["x-b", "2"]));
    await stream.write(utf8("content"));
    await stream.sendFields([["x-c", "3"]]);
    await stream.closeWrite();
    expect(await stream.readFields()).toEqual([[":status", "103"], ["link", "</a>"]]);
    expect(await stream.readAnswer()).toEqual({ status: 202, headers: [["x-asked", "x-b,2"]] });
    expect(await text(stream)).toBe("content");
    expect(stream.trailers).toEqual([["x-end", "x-c,3"]]);
  });

  it("that is aborted is found broken", async () => {
    const { client } = await edgeOf((_, { forward }) => {
      forward(async (exchange) => {
        exchange.respond({ status: 200, headers: [], isLast: false });
        await exchange.write(utf8("half"));
        exchange.abort();
      });
      return new Response();
    });
    const stream = await client.request(request("GET"));
    await stream.readAnswer();
    await expect(text(stream)).rejects.toMatchObject({ http3Name: "H3_MESSAGE_ERROR" });
  });

  it("that has nothing to say ends with its head", async () => {
    const { client } = await edgeOf((_, { forward }) => {
      forward((exchange) => Promise.resolve(exchange.respond({ status: 204, headers: [], isLast: true })));
      return new Response();
    });
    const stream = await client.request(request("GET"));
    await stream.closeWrite();
    expect([(await stream.readAnswer()).status, await text(stream)]).toEqual([204, ""]);
    await until(() => client.openStreams === 0);
  });
});

describe("a connection", () => {
  it("without requests is closed after the idle limit, and not while there is one", async () => {
    const { client, edge } = await edgeOf((_, { takeOver }) => {
      takeOver(async (stream) => void await readAll(stream).then(() => stream.close()));
      return new Response(null, { status: 200 });
    });
    const stream = await client.request(CONNECT);
    await stream.readAnswer();
    clock.advance(LIMITS.idleTimeoutMs);
    expect(client.isGoingAway).toBe(false);
    await stream.closeWrite();
    await text(stream);
    await until(() => clock.pending === 1);
    clock.advance(LIMITS.idleTimeoutMs);
    await until(() => client.isGoingAway && clock.pending === 1);
    clock.advance(1000);
    expect(await client.closed).toMatchObject({ code: 0x100 });
    await edge.empty();
    expect([edge.size, clock.pending]).toEqual([0, 0]);
  });

  it("is closed at once when it is asked for", async () => {
    const { client, edge } = await edgeOf(() => new Response());
    await client.peerSettings;
    expect(edge.size).toBe(1);
    edge.close();
    await Promise.all([edge.empty(), client.closed]);
  });
});
