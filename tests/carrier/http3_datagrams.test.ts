import { expect, it } from "vitest";
import type { DatagramFlow } from "../../lib/base/datagram_flow.ts";
import { fromUtf8, utf8 } from "../../lib/base/bytes.ts";
import { HTTP3_ERROR } from "../../lib/codec/http3_error.ts";
import { encodeHeadersFrame, encodeSettingsFrame } from "../../lib/codec/http3_frame.ts";
import { encodeHttp3Datagram, udpDatagramPrefix } from "../../lib/codec/http_datagram.ts";
import { encodeFieldSection } from "../../lib/codec/qpack.ts";
import { until } from "../_support/test_gateway.ts";
import { CONNECT_UDP, GET, http3Pair, rawClient, useQuic } from "../_support/quic.ts";

useQuic();

it("payloads go both ways, each to its own request", async () => {
  const { client, server, next } = await http3Pair();
  const pairs = [];
  for (let i = 0; i < 3; i++) {
    const near = await client.request(CONNECT_UDP);
    pairs.push({ near, far: (await next()).stream });
  }
  await server.peerSettings;
  const got = pairs.map(({ near, far }) => ({ up: collect(far.datagrams!), down: collect(near.datagrams!) }));
  for (const [i, { near, far }] of pairs.entries()) {
    for (let n = 0; n < 20; n++) {
      expect(near.datagrams!.send(utf8(`up ${i} ${n}`))).toBe(true);
      expect(far.datagrams!.send(utf8(`down ${i} ${n}`))).toBe(true);
    }
  }
  await until(() => got.every(({ up, down }) => up.length === 20 && down.length === 20));
  for (const [i, { up, down }] of got.entries()) {
    expect(up).toEqual(Array.from({ length: 20 }, (_, n) => `up ${i} ${n}`));
    expect(down).toEqual(Array.from({ length: 20 }, (_, n) => `down ${i} ${n}`));
  }
});

it("an empty payload and the longest one pass, a longer one is dropped", async () => {
  const { client, next } = await http3Pair();
  const near = (await client.request(CONNECT_UDP)).datagrams!;
  const lengths: number[] = [];
  void (await next()).stream.datagrams!.receive((payload) => void lengths.push(payload.length));
  const max = near.maxPayloadBytes;
  expect(max).toBeGreaterThan(1100);
  expect([near.send(new Uint8Array(max + 1)), near.send(new Uint8Array(0)), near.send(new Uint8Array(max))])
    .toEqual([false, true, true]);
  await until(() => lengths.length === 2);
  expect(lengths).toEqual([0, max]);
});

it("nothing is sent to a peer that has not said that it takes datagrams", async () => {
  const { conn, requests } = await rawClient();
  const { writable } = await conn.createBidirectionalStream();
  await writable.getWriter().write(encodeHeadersFrame(encodeFieldSection(CONNECT_UDP)));
  const { stream } = (await requests.next()).value;
  expect(stream.datagrams.maxPayloadBytes).toBe(0);
  expect(stream.datagrams.send(utf8("x"))).toBe(false);
});

it("datagrams for no stream, of other contexts and beyond the room for early ones are dropped", async () => {
  const { server, client, conn, next } = await http3Pair();
  const near = await client.request(CONNECT_UDP);
  const { stream } = await next();
  await conn.sendDatagram(encodeHttp3Datagram(400, Uint8Array.of(0, 1)));
  await conn.sendDatagram(encodeHttp3Datagram(near.id, Uint8Array.of(2, 1)));
  for (let i = 0; i < 40; i++) near.datagrams!.send(utf8(String(i)));
  await until(() => server.droppedDatagrams === 10);
  expect(await untilLength(collect(stream.datagrams!), 32)).toEqual(
    Array.from({ length: 32 }, (_, i) => String(i)),
  );
  stream.close();
  near.datagrams!.send(utf8("late"));
  await until(() => server.droppedDatagrams === 11);
  expect(server.isClosed).toBe(false);
});

it("the flow ends with the stream", async () => {
  const { client, next } = await http3Pair();
  const near = await client.request(CONNECT_UDP);
  const { stream } = await next();
  const receiving = [stream, near].map(({ datagrams }) => datagrams!.receive(() => {}));
  await stream.sendFields([[":status", "200"]]);
  stream.close();
  await near.readAnswer();
  expect(await near.read(new Uint8Array(1)).catch(() => null)).toBe(null);
  await Promise.all(receiving);
  expect([stream, near].map(({ datagrams }) => datagrams!.send(utf8("x")))).toEqual([false, false]);
});

it("a connection that breaks ends its flows with an error", async () => {
  const { client, server, next } = await http3Pair();
  const near = await client.request(CONNECT_UDP);
  await next();
  const reading = near.read(new Uint8Array(1)).catch((error) => error.code);
  const receiving = near.datagrams!.receive(() => {});
  server.close("H3_INTERNAL_ERROR");
  expect(await reading).toBe("carrier/closed");
  await receiving.catch(() => {});
});

it("a datagram for a request without datagrams ends that request only", async () => {
  const { server, client, conn, next } = await http3Pair();
  const near = await client.request(GET);
  await next();
  await conn.sendDatagram(encodeHttp3Datagram(near.id, Uint8Array.of(0, 1)));
  await expect(near.readAnswer()).rejects.toMatchObject({ http3Name: "H3_REQUEST_INCOMPLETE" });
  expect(server.isClosed).toBe(false);
});

it.each([
  ["an empty one", new Uint8Array(0)],
  ["one that ends within its stream id", Uint8Array.of(0xc0, 0, 0)],
  ["a stream id out of bounds", Uint8Array.of(0xd0, 0, 0, 0, 0, 0, 0, 0)],
])("a datagram that is wrong closes the connection: %s", async (_, datagram) => {
  const { conn } = await rawClient();
  await conn.sendDatagram(datagram);
  expect((await conn.closed).closeCode).toBe(HTTP3_ERROR.H3_DATAGRAM_ERROR);
});

it("a flood is dropped where it cannot be sent, and the flow goes on", async () => {
  const { conn, server, requests } = await rawClient();
  const { writable } = await conn.createBidirectionalStream();
  const control = await conn.createUnidirectionalStream();
  await control.getWriter().write(Uint8Array.of(0, ...encodeSettingsFrame({ h3Datagram: true })));
  await writable.getWriter().write(encodeHeadersFrame(encodeFieldSection(CONNECT_UDP)));
  const { stream } = (await requests.next()).value;
  await server.peerSettings;
  const payload = new Uint8Array(1000);
  let sent = 0;
  for (let i = 0; i < 10_000; i++) if (stream.datagrams.send(payload)) sent++;
  expect(sent).toBeGreaterThan(10);
  expect(sent).toBeLessThan(3000);
  const size = udpDatagramPrefix(stream.id).length + payload.length;
  expect((await conn.readDatagram()).length).toBe(size);
  await until(() => stream.datagrams.send(payload));
});

/** The payloads that come, as text. */
function collect(flow: DatagramFlow): string[] {
  const got: string[] = [];
  flow.receive((payload) => void got.push(fromUtf8(payload))).catch(() => {});
  return got;
}

async function untilLength(got: string[], length: number): Promise<string[]> {
  await until(() => got.length === length);
  return got;
}
