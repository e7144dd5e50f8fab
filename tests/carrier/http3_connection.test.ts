import { describe, expect, it } from "vitest";
import { concatBytes, fromUtf8, utf8 } from "../../lib/base/bytes.ts";
import { HTTP3_ERROR } from "../../lib/codec/http3_error.ts";
import {
  encodeDataHead,
  encodeGoawayFrame,
  encodeHeadersFrame,
  encodeSettingsFrame,
} from "../../lib/codec/http3_frame.ts";
import type { RequestHead } from "../../lib/codec/http_fields.ts";
import { encodeFieldSection, type Field } from "../../lib/codec/qpack.ts";
import { Http3Connection } from "../../lib/carrier/http3_connection.ts";
import type { Http3Stream } from "../../lib/carrier/http3_stream.ts";
import { until } from "../_support/test_gateway.ts";
import {
  clock,
  CONNECT,
  CONNECT_UDP,
  GET,
  http3Pair,
  quicPair,
  rawClient,
  type TestRequest,
  useQuic,
} from "../_support/quic.ts";

useQuic();

const OK: readonly Field[] = [[":status", "200"], ["server", "test"]];

describe("messages", () => {
  it("a request with content is answered with content and trailers", async () => {
    const { client, next } = await http3Pair();
    const asked = await client.request([...GET, ["x-a", "1"]]);
    await asked.write(utf8("question"));
    await asked.closeWrite();
    const { head, stream } = await next();
    expect(head).toMatchObject({ method: "GET", authority: "a.test", path: "/", headers: [["x-a", "1"]] });
    expect(await text(stream)).toBe("question");
    await stream.sendFields([[":status", "103"]]);
    await stream.sendFields(OK);
    await stream.write(utf8("answer"));
    await stream.sendFields([["x-end", "2"]]);
    await stream.closeWrite();
    expect(await asked.readAnswer()).toEqual({ status: 200, headers: [["server", "test"]] });
    expect(await text(asked)).toBe("answer");
    expect(asked.trailers).toEqual([["x-end", "2"]]);
  });

  it.each([1, 3, 100])("content that came along with its head is read %i bytes at a time", async (size) => {
    const { conn, requests } = await rawClient();
    const writer = (await conn.createBidirectionalStream()).writable.getWriter();
    const head = encodeHeadersFrame(encodeFieldSection(GET));
    const content = ["together ", "with it"].flatMap((part) => [encodeDataHead(part.length), utf8(part)]);
    await writer.write(concatBytes([head, ...content]));
    await writer.close();
    const { stream } = (await requests.next()).value;
    expect(fromUtf8(await readAll(stream, size))).toBe("together with it");
  });

  it("a tunnel carries bytes both ways, and each end is its own", async () => {
    const { client, next } = await http3Pair();
    const near = await client.request(CONNECT);
    const { stream: far } = await next();
    await far.sendFields([[":status", "200"]]);
    expect((await near.readAnswer()).status).toBe(200);
    await near.write(utf8("up"));
    await near.closeWrite();
    expect(await text(far)).toBe("up");
    await far.write(utf8("down"));
    await far.closeWrite();
    expect(await text(near)).toBe("down");
    await until(() => client.openStreams === 0);
  });

  it.each([1, 7, 4096, 300_000])(
    "a megabyte arrives as it was sent, read %i bytes at a time",
    async (size) => {
      const { client, next } = await http3Pair();
      const near = await client.request(CONNECT);
      const { stream: far } = await next();
      const sent = crypto.getRandomValues(new Uint8Array(size === 1 ? 20_000 : 65_536));
      const count = size === 1 ? 1 : 16;
      const sending = (async () => {
        for (let i = 0; i < count; i++) await near.write(sent);
        await near.closeWrite();
      })();
      const got = await readAll(far, size);
      await sending;
      expect(got).toEqual(concatBytes(Array(count).fill(sent)));
    },
  );

  it("whoever does not read holds back the sender, and nothing is kept without bound", async () => {
    const { client, next } = await http3Pair();
    const near = await client.request(CONNECT);
    const { stream: far } = await next();
    let taken = 0;
    const sending = (async () => {
      for (;;) {
        await near.write(new Uint8Array(65_536));
        taken += 65_536;
      }
    })().catch((error) => error.code);
    let last = -1;
    await until(() => last === taken ? true : (last = taken, false));
    expect(taken).toBeLessThan(16 * 1024 * 1024);
    near.close();
    expect(await sending).toBe("carrier/closed");
    far.close();
  });

  it("a peer that closes a tunnel in the midst of a write does not break the connection", async () => {
    const { client, next } = await http3Pair();
    const near = await client.request(CONNECT);
    const { stream: far } = await next();
    const sending = (async () => {
      for (;;) await near.write(new Uint8Array(100_000));
    })().catch((error) => error.code);
    await far.read(new Uint8Array(1));
    near.close();
    expect(await sending).toBe("carrier/closed");
    expect((await readAll(far, 65_536)).length).toBeGreaterThan(0);
    expect(client.isClosed).toBe(false);
    const again = await client.request(CONNECT);
    await (await next()).stream.sendFields([[":status", "204"]]);
    expect((await again.readAnswer()).status).toBe(204);
  });

  it("a peer that reads no more makes writing fail", async () => {
    const { client, next } = await http3Pair();
    const near = await client.request(CONNECT);
    const { stream: far } = await next();
    far.stopReading();
    const failure = await (async () => {
      for (;;) await near.write(new Uint8Array(1000));
    })().catch((error) => error.code);
    expect(failure).toBe("carrier/reset");
  });

  it("a message that is given up is found broken, and the connection lives on", async () => {
    const { client, next } = await http3Pair();
    const near = await client.request(GET);
    const { stream: far } = await next();
    await far.sendFields(OK);
    await far.write(utf8("half"));
    far.abort();
    await near.readAnswer();
    await expect(text(near)).rejects.toMatchObject({ http3Name: "H3_MESSAGE_ERROR" });
    expect(client.isClosed).toBe(false);
  });

  it.each([
    ["more", "3", "four"],
    ["less", "5", "four"],
  ])("content of %s bytes than were announced is refused", async (_, length, content) => {
    const { client, next } = await http3Pair();
    const near = await client.request([...GET, ["content-length", length]]);
    await near.write(utf8(content));
    await near.closeWrite();
    await expect(text((await next()).stream)).rejects.toMatchObject({ http3Name: "H3_MESSAGE_ERROR" });
  });
});

describe("requests that are refused", () => {
  it.each<[string, readonly Field[], number]>([
    ["is malformed", [[":method", "GET"]], 400],
    ["has a path that is none", [...GET.slice(0, 3), [":path", "x y"]], 400],
    ["is too large", [...GET, ["x-a", "a".repeat(20_000)]], 431],
    ["is too large when it is unpacked", [...GET, ...Array<Field>(1000).fill(["accept", "*/*"])], 431],
  ])("a head that %s is answered, and the connection lives on", async (_, fields, status) => {
    const { client, next } = await http3Pair();
    expect((await (await client.request(fields)).readAnswer()).status).toBe(status);
    const good = await client.request(GET);
    await (await next()).stream.sendFields(OK);
    expect((await good.readAnswer()).status).toBe(200);
  });

  it("a head that does not come in time is answered 408", async () => {
    const { conn } = await rawClient();
    const { writable, readable } = await conn.createBidirectionalStream();
    await writable.getWriter().write(Uint8Array.of(1));
    await until(() => clock.pending > 0);
    clock.advance(30_000);
    const answer = concatBytes(await Array.fromAsync(readable));
    expect(answer).toEqual(
      encodeHeadersFrame(encodeFieldSection([[":status", "408"], ["content-length", "0"]])),
    );
  });

  it("an extended CONNECT is not sent to a server that does not offer it", async () => {
    const { near, far } = await quicPair();
    const control = (await near.createUnidirectionalStream()).getWriter();
    await control.write(Uint8Array.of(0, ...encodeSettingsFrame({ h3Datagram: true })));
    const client = Http3Connection.connect(far);
    await expect(client.request(CONNECT_UDP)).rejects.toMatchObject({ code: "carrier/unsupported" });
  });

  it("more than the server takes at once are not sent, until one of them is over", async () => {
    const { client, next } = await http3Pair({ transport: { maxConcurrentBidirectionalStreams: 2 } });
    const first = await client.request(GET);
    await client.request(GET);
    await expect(client.request(GET)).rejects.toMatchObject({ code: "carrier/too-many-streams" });
    const { stream } = await next();
    first.close();
    stream.close();
    await until(() => client.openStreams === 1);
    const send = async (): Promise<unknown> =>
      await client.request(GET).catch((error) => error.code === "carrier/too-many-streams" ? send() : error);
    expect(await send()).toMatchObject({ id: 8 });
  });
});

describe("the end", () => {
  it("GOAWAY lets requests finish, and refuses others", async () => {
    const { server, client, next } = await http3Pair();
    const first = await client.request(GET);
    const { stream } = await next();
    const drained = server.drain();
    await until(() => client.isGoingAway);
    await expect(client.request(GET)).rejects.toMatchObject({ code: "carrier/going-away" });
    await stream.sendFields(OK);
    stream.close();
    expect((await first.readAnswer()).status).toBe(200);
    await first.closeWrite();
    expect(await text(first)).toBe("");
    await drained;
  });

  it("a request that crosses GOAWAY fails as one that was not acted upon", async () => {
    const { server, client } = await http3Pair();
    void server.drain();
    const crossing = await client.request(GET);
    await expect(crossing.readAnswer()).rejects.toMatchObject({ code: "carrier/going-away" });
  });

  it("a request after GOAWAY is not acted upon", async () => {
    const { server, conn, requests } = await rawClient();
    await server.drain();
    const { readable, writable } = await conn.createBidirectionalStream();
    await writable.getWriter().write(encodeHeadersFrame(encodeFieldSection(GET)));
    expect(await Array.fromAsync(readable)).toEqual([]);
    expect(await Promise.race([requests.next(), Promise.resolve("none")])).toBe("none");
  });

  it("a server that only says GOAWAY fails the requests that it names, and no others", async () => {
    const { near, far } = await quicPair();
    const client = Http3Connection.connect(far);
    const control = (await near.createUnidirectionalStream()).getWriter();
    await control.write(Uint8Array.of(0, ...encodeSettingsFrame({})));
    const [first, second] = [await client.request(GET), await client.request(GET)];
    const reading = first.readAnswer();
    await control.write(encodeGoawayFrame(second.id));
    await expect(second.readAnswer()).rejects.toMatchObject({ code: "carrier/going-away" });
    const { value } = await near.incomingBidirectionalStreams.getReader().read();
    await value!.writable.getWriter().write(encodeHeadersFrame(encodeFieldSection(OK)));
    expect((await reading).status).toBe(200);
  });

  it("closing says why, and fails what is under way", async () => {
    const { server, client, next } = await http3Pair();
    const near = await client.request(CONNECT);
    await next();
    const reading = near.read(new Uint8Array(10));
    server.close("H3_INTERNAL_ERROR");
    await expect(reading).rejects.toMatchObject({ code: "carrier/closed" });
    expect(await client.closed).toEqual({
      code: HTTP3_ERROR.H3_INTERNAL_ERROR,
      reason: "H3_INTERNAL_ERROR",
    });
    expect(await server.closed).toEqual({ code: HTTP3_ERROR.H3_INTERNAL_ERROR, reason: "" });
    await expect(client.request(GET)).rejects.toMatchObject({ code: "carrier/closed" });
  });

  it("a peer that vanishes ends the connection and its streams", async () => {
    const { server, client, next } = await http3Pair({ transport: { maxIdleTimeout: 300 } });
    await client.request(CONNECT);
    const { stream } = await next();
    await expect(stream.read(new Uint8Array(1))).rejects.toMatchObject({ code: "carrier/closed" });
    expect(await server.closed).toMatchObject({ code: null });
  });
});

it("10,000 streams opened and given up leave nothing behind", async () => {
  let requests = 0;
  const onRequest = (_: RequestHead, stream: Http3Stream) => {
    requests++;
    stream.close();
  };
  const { server, conn } = await rawClient({ onRequest });
  const head = encodeHeadersFrame(encodeFieldSection(GET));
  const before = Deno.memoryUsage().rss;
  for (let i = 0; i < 10_000; i++) {
    const { readable, writable } = await conn.createBidirectionalStream({ waitUntilAvailable: true });
    const writer = writable.getWriter();
    if (i % 2 === 0) await writer.write(head);
    writer.abort().catch(() => {});
    readable.cancel().catch(() => {});
  }
  await until(() => requests === 5000 && server.openStreams === 0);
  expect(server.isClosed).toBe(false);
  expect(Deno.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024);
});

it("a stream that the platform knows no more is passed over, and the next one is served", async () => {
  const { near, far } = await quicPair();
  const lost = {
    get readable(): never {
      throw new Deno.errors.BadResource("Bad resource ID");
    },
  };
  async function* streams() {
    yield lost;
    yield* near.incomingBidirectionalStreams;
  }
  const conn = new Proxy(near, {
    get(_, name) {
      if (name === "incomingBidirectionalStreams") return ReadableStream.from(streams());
      const value = Reflect.get(near, name, near);
      return typeof value === "function" ? value.bind(near) : value;
    },
  });
  const onRequest = (_: RequestHead, stream: Http3Stream) => void stream.sendFields(OK);
  const server = Http3Connection.serve(conn, {
    onRequest,
    maxHeadBytes: 1024,
    headTimeoutMs: () => 30_000,
    clock,
  });
  const client = Http3Connection.connect(far);
  expect((await (await client.request(GET)).readAnswer()).status).toBe(200);
  for (const end of [client, server]) end.close();
});

async function text(stream: TestRequest["stream"]): Promise<string> {
  return fromUtf8(await readAll(stream, 1000));
}

async function readAll(stream: TestRequest["stream"], size: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(size);
  for (let count = await stream.read(buffer); count !== null; count = await stream.read(buffer)) {
    parts.push(buffer.slice(0, count));
  }
  return concatBytes(parts);
}
