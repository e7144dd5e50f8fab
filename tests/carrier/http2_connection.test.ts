import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import type { Http2Stream } from "../../lib/carrier/http2_stream.ts";
import type { RequestHead } from "../../lib/codec/http_fields.ts";
import type { Field } from "../../lib/codec/qpack.ts";
import { until } from "../_support/until.ts";
import {
  CONNECT,
  connectInMemory,
  END_HEADERS,
  frame,
  FrameClient,
  GET,
  head,
  POST,
  serveInMemory,
} from "./_http2.ts";

const MIB = 1024 * 1024;
const OK: Field = [":status", "200"];

async function readAll(stream: Http2Stream, into = new Uint8Array(64 * 1024)): Promise<Uint8Array> {
  const chunks: number[] = [];
  for (let count = await stream.read(into); count !== null; count = await stream.read(into)) {
    chunks.push(...into.subarray(0, count));
  }
  return Uint8Array.from(chunks);
}

/** Sends back what comes, and ends with it. */
async function echo(_head: RequestHead, stream: Http2Stream): Promise<void> {
  await stream.sendFields([OK]);
  const buffer = new Uint8Array(20_000);
  for (let count = await stream.read(buffer); count !== null; count = await stream.read(buffer)) {
    await stream.write(buffer.subarray(0, count));
  }
  await stream.closeWrite();
}

describe("a request and its answer", () => {
  it("have fields, content and trailers, and interim answers come before", async () => {
    let seen: unknown = null;
    const { client, server } = connectInMemory({
      async onRequest({ method, path, headers }, stream) {
        const body = new TextDecoder().decode(await readAll(stream));
        seen = { method, path, headers, body, trailers: stream.trailers };
        await stream.sendFields([[":status", "103"], ["link", "</a>"]]);
        await stream.sendFields([OK, ["x-a", "1"], ["x-a", "2"]]);
        await stream.write(utf8("answer"));
        await stream.sendFields([["x-sum", "6"]]);
        await stream.closeWrite();
      },
    });
    const stream = await client.request([...POST, ["x-b", "\xff"]]);
    const hints: unknown[] = [];
    stream.onInterim = (head) => hints.push(head);
    await stream.write(utf8("body"));
    await stream.sendFields([["x-t", "v"]]);
    await stream.closeWrite();
    expect(await stream.readAnswer()).toEqual({ status: 200, headers: [["x-a", "1"], ["x-a", "2"]] });
    expect(new TextDecoder().decode(await readAll(stream))).toBe("answer");
    expect([stream.trailers, hints]).toEqual([[["x-sum", "6"]], [{
      status: 103,
      headers: [["link", "</a>"]],
    }]]);
    expect(seen).toEqual({
      method: "POST",
      path: "/",
      headers: [["x-b", "\xff"]],
      body: "body",
      trailers: [["x-t", "v"]],
    });
    await stream.gone;
    expect([client.openStreams, server.openStreams]).toEqual([0, 0]);
    client.destroy();
  });

  it("may be of any sizes, written and read in any pieces, many at once", async () => {
    const { client } = connectInMemory({ onRequest: echo, maxStreams: 100 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 200_000 }), fc.integer({ min: 1, max: 70_000 })), {
          maxLength: 8,
        }),
        async (bodies) => {
          await Promise.all(bodies.map(async ([length, piece]) => {
            const body = Uint8Array.from({ length }, (_, at) => at * 7 + piece);
            const stream = await client.request(POST);
            const sending = (async () => {
              for (let at = 0; at < length; at += piece) await stream.write(body.subarray(at, at + piece));
              await stream.closeWrite();
            })();
            await stream.readAnswer();
            expect(await readAll(stream, new Uint8Array(piece))).toEqual(body);
            await sending;
          }));
        },
      ),
      { numRuns: 8 },
    );
    client.destroy();
  });

  it("have heads of any length", async () => {
    const { client } = connectInMemory({ maxHeadBytes: 200_000, onRequest: echo });
    const long: Field = ["x-long", "\x7e".repeat(100_000)];
    const stream = await client.request([...GET.slice(0, 4), long].filter(([, value]) => value !== "\x7f"));
    await stream.closeWrite();
    expect((await stream.readAnswer()).status).toBe(200);
    client.destroy();
  });
});

it("trailers go out with the end, however late that is", async () => {
  const { far, server, clock } = serveInMemory({
    async onRequest(_head, stream) {
      await stream.sendFields([OK]);
      await stream.sendFields([["x-sum", "0"]]);
      await stream.closeWrite();
    },
  });
  const client = new FrameClient(far);
  await client.hello(head(1, POST, END_HEADERS));
  await until(() => client.seen.includes("headers 1"));
  clock.advance(500);
  await until(() => client.seen.includes("end 1"));
  expect(client.seen.slice(-3)).toEqual(["headers 1", "headers 1", "end 1"]);
  server.destroy();
});

describe("flow control", () => {
  it("holds up who sends to one who does not read, and nobody else", async () => {
    const { client } = connectInMemory({
      onRequest: async (head, stream) => head.path === "/" ? await echo(head, stream) : undefined,
    });
    const stuck = await client.request([...POST.slice(0, 3), [":path", "/stuck"]]);
    let sent = 0;
    const sending = (async () => {
      for (;; sent += 64 * 1024) await stuck.write(new Uint8Array(64 * 1024));
    })();
    await until(() => sent >= MIB - 64 * 1024);
    const other = await client.request(POST);
    await other.write(utf8("through"));
    expect(await other.read(new Uint8Array(10))).toBe(7);
    expect(sent).toBeLessThanOrEqual(MIB);
    stuck.close();
    await expect(sending).rejects.toMatchObject({ code: "carrier/closed" });
    client.destroy();
  });

  it("gives back what nobody has read, so that a connection never runs dry", async () => {
    const { client } = connectInMemory({ onRequest: (_head, stream) => Promise.resolve(stream.close()) });
    for (let i = 0; i < 30; i++) {
      const stream = await client.request(POST);
      await stream.write(new Uint8Array(MIB)).catch(() => {});
      await stream.gone;
    }
    client.destroy();
  });
});

describe("an answer that is over before its request", () => {
  it.each([
    ["drops what comes", true],
    ["reads nothing", false],
  ])("ends once the client has finished, where the handler %s", async (_, stops) => {
    const { client, clock } = connectInMemory({
      async onRequest(_head, stream) {
        await stream.sendFields([OK]);
        if (stops) stream.stopReading();
        await stream.closeWrite();
        stream.stopReading();
      },
    });
    const stream = await client.request(POST);
    expect((await stream.readAnswer()).status).toBe(200);
    let sent = 0;
    const sending = (async () => {
      for (; sent < 100; sent++) await stream.write(new Uint8Array(64 * 1024));
    })();
    await until(() => sent === (stops ? 100 : 16));
    expect(stream.hasContent).toBe(true);
    // Twice: in the first of them, content has come.
    clock.advance(500);
    await new Promise((resolve) => setTimeout(resolve));
    clock.advance(500);
    await sending;
    await stream.closeWrite();
    await stream.gone;
    expect([stream.hasContent, client.isClosed]).toEqual([false, false]);
    client.destroy();
  });

  it("stops a client that goes on, without an error", async () => {
    const { far, server, clock } = serveInMemory({
      async onRequest(_head, stream) {
        await stream.sendFields([OK]);
        await stream.closeWrite();
        stream.stopReading();
      },
    });
    const client = new FrameClient(far);
    await client.hello(head(1, POST, END_HEADERS));
    await until(() => client.seen.includes("headers 1"));
    clock.advance(500);
    await until(() => client.seen.includes("end 1"));
    clock.advance(2000);
    await until(() => client.seen.includes("rstStream 1 0"));
    server.destroy();
  });
});

describe("giving up", () => {
  it.each<[string, (stream: Http2Stream) => void]>([
    ["closes", (stream) => stream.close()],
    ["breaks off", (stream) => stream.abort()],
  ])("a server %s a stream: the client hears of it, and the connection goes on", async (_, giveUp) => {
    const { client } = connectInMemory({
      async onRequest(_head, stream) {
        await stream.sendFields([OK]);
        await stream.write(utf8("part"));
        giveUp(stream);
      },
    });
    const stream = await client.request(GET);
    await expect((async () => {
      await stream.readAnswer();
      await readAll(stream);
    })()).rejects.toMatchObject({ code: "carrier/reset" });
    expect(client.isClosed).toBe(false);
    client.destroy();
  });

  it("a client closes a tunnel: reading and writing fail on the other end", async () => {
    const over = Promise.withResolvers<unknown[]>();
    const { client } = connectInMemory({
      async onRequest(_head, stream) {
        await stream.sendFields([OK]);
        const read = stream.read(new Uint8Array(1)).catch((error) => error.code);
        over.resolve([await read, await stream.write(utf8("x")).catch((error) => error.code)]);
      },
    });
    const stream = await client.request(CONNECT);
    await stream.readAnswer();
    stream.close();
    await expect(stream.read(new Uint8Array(1))).rejects.toMatchObject({ code: "carrier/closed" });
    expect(await over.promise).toEqual(["carrier/reset", "carrier/reset"]);
    client.destroy();
  });

  it("either end of the connection goes: everything on it fails", async () => {
    const { client, server } = connectInMemory();
    const stream = await client.request(POST);
    await until(() => server.openStreams === 1);
    const answer = stream.readAnswer();
    server.destroy();
    await expect(answer).rejects.toMatchObject({ code: "carrier/closed" });
    expect((await client.closed).code).toBeNull();
    await expect(client.request(GET)).rejects.toMatchObject({ code: "carrier/closed" });
  });
});

describe("a server that takes no more", () => {
  it("says so, and serves what it has begun", async () => {
    const { client, server } = connectInMemory({ onRequest: echo });
    const stream = await client.request(POST);
    await stream.readAnswer();
    const drained = server.drain();
    await until(() => client.isGoingAway);
    await expect(client.request(GET)).rejects.toMatchObject({ code: "carrier/going-away" });
    await stream.write(utf8("still"));
    await stream.closeWrite();
    expect(await readAll(stream)).toEqual(utf8("still"));
    await drained;
    server.close();
    expect((await client.closed).code).toBeNull();
  });

  it("passes over requests that cross its farewell", async () => {
    const requests: unknown[] = [];
    const { far, server } = serveInMemory({ onRequest: (head) => Promise.resolve(void requests.push(head)) });
    const client = new FrameClient(far);
    await client.hello();
    void server.drain();
    await client.send(head(1, POST, END_HEADERS), frame(0, 1, [1]), frame(6, 0, new Uint8Array(8)));
    await until(() => client.seen.includes("ping 0"));
    expect(requests).toEqual([]);
    server.destroy();
  });

  it("refuses streams beyond its limit, which may be asked for again", async () => {
    const { far, server } = serveInMemory({ maxStreams: 2 });
    const client = new FrameClient(far);
    await client.hello(head(1, GET), head(3, GET), head(5, GET));
    await until(() => client.seen.includes("rstStream 5 7"));
    expect(server.openStreams).toBe(2);
    server.destroy();
  });

  it("tells a client its limit, which then does not ask", async () => {
    const { client } = connectInMemory({ maxStreams: 1 });
    await client.peerSettings;
    await client.request(GET);
    expect(client.isFull).toBe(true);
    await expect(client.request(GET)).rejects.toMatchObject({ code: "carrier/too-many-streams" });
    client.destroy();
  });

  it("counts requests that were given up as long as somebody works on them", async () => {
    let begun = 0;
    const { far, server } = serveInMemory({
      maxStreams: 2,
      onRequest: () => {
        begun++;
        return new Promise(() => {});
      },
    });
    const client = new FrameClient(far);
    await client.hello(...[1, 3, 5, 7, 9].flatMap((id) => [head(id, GET), frame(3, id, [0, 0, 0, 8])]));
    await until(() => client.seen.includes("rstStream 9 7"));
    expect(begun).toBe(4);
    server.destroy();
  });
});
