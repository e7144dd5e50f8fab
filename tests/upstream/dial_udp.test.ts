import { afterEach, describe, expect, it } from "vitest";
import { formatAuthority } from "../../lib/base/authority.ts";
import type { DatagramFlow } from "../../lib/base/datagram_flow.ts";
import { dialUdp, type DialUdpOptions } from "../../lib/upstream/dial_udp.ts";
import { failureOf, poolWith } from "./_support.ts";
import { openDescriptors, until } from "../_support/test_gateway.ts";
import { serveUdp, serveUdpEcho, type UdpService } from "../_support/udp_service.ts";

const resources: { close?(): void; [Symbol.dispose]?(): void }[] = [];

afterEach(() => {
  for (const resource of resources.splice(0)) (resource.close ?? resource[Symbol.dispose])?.call(resource);
});

function udp(host: string, port: number): string {
  return `udp://${formatAuthority({ host, port })}`;
}

/** The services of a route to these. */
function poolTo(...to: string[]) {
  return poolWith({ from: "udp+https://a.test:1", to });
}

function echo(hostname = "127.0.0.1"): UdpService {
  const service = serveUdpEcho({ hostname });
  resources.push(service);
  return service;
}

/** A flow, and the lengths of what it has received. */
async function open(to: string[], options: DialUdpOptions = {}) {
  const { pool, grant } = await poolTo(...to);
  const dialled = await dialUdp(grant, pool, options);
  resources.push(dialled.flow);
  const lengths: number[] = [];
  const ended = dialled.flow.receive((payload) => void lengths.push(payload.length));
  return { ...dialled, pool, lengths, ended };
}

/** Sends until something comes back, as a datagram may be lost while the socket is not ready. */
function roundTrip(flow: DatagramFlow, lengths: readonly number[], bytes: number): Promise<unknown> {
  flow.send(new Uint8Array(bytes));
  return until(() => lengths.includes(bytes));
}

describe("dialUdp()", () => {
  it.each([0, 1, 512, 1200, 1472, 1473, 9000, 65_507])(
    "carries %d bytes there and back on this machine",
    async (bytes) => {
      const service = echo();
      const { flow, address, upstream, lengths } = await open([udp("127.0.0.1", service.port)]);
      await roundTrip(flow, lengths, bytes);
      expect(service.received[0]!.payload).toHaveLength(bytes);
      expect([address, upstream.port]).toEqual([`127.0.0.1:${service.port}`, service.port]);
    },
  );

  it.each([
    ["::1", "::1"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["::ffff:127.0.0.1", "127.0.0.1"],
    ["localhost", "127.0.0.1"],
  ])("reaches %s", async (host, hostname) => {
    const service = echo(hostname);
    const { flow, lengths } = await open([udp(host, service.port)]);
    await roundTrip(flow, lengths, 3);
    expect(lengths).toEqual([3]);
  });

  it("has a socket of its own for each tunnel", async () => {
    const service = echo();
    const flows = await Promise.all([1, 2, 3].map(() => open([udp("127.0.0.1", service.port)])));
    for (const [index, { flow, lengths }] of flows.entries()) await roundTrip(flow, lengths, index + 1);
    expect(flows.map(({ lengths }) => lengths)).toEqual([[1], [2], [3]]);
    expect(new Set(service.received.map(({ port }) => port)).size).toBe(3);
  });

  it("takes datagrams of the service only: not of another port, not of another address", async () => {
    const service = echo();
    const [otherPort, otherAddress] = [echo(), echo("127.0.0.2")];
    let strangers = 0;
    const { flow, lengths } = await open([udp("127.0.0.1", service.port)], {
      onDrop: (drop) => void (strangers += drop === "stranger" ? 1 : 0),
    });
    await roundTrip(flow, lengths, 3);
    const { port } = service.received[0]!;
    await otherPort.send(new Uint8Array(4), port);
    await otherAddress.send(new Uint8Array(5), port);
    await until(() => strangers === 2);
    await roundTrip(flow, lengths, 6);
    expect(lengths).toEqual([3, 6]);
  });

  it.each([
    ["192.0.2.1", undefined, 1472],
    ["192.0.2.1", 9000, 8972],
    ["2001:db8::1", 1280, 1232],
    ["127.0.0.1", 1280, 65_507],
    ["::1", undefined, 65_487],
  ])("sends no datagram to %s that would be fragmented with an MTU of %s", async (host, mtuBytes, bytes) => {
    const { flow } = await open([udp(host, 9)], mtuBytes === undefined ? {} : { mtuBytes });
    expect(flow.maxPayloadBytes).toBe(bytes);
    expect(flow.send(new Uint8Array(bytes + 1))).toBe(false);
  });

  it("keeps no reference to what it sends", async () => {
    const service = serveUdp(() => null);
    resources.push(service);
    const { flow } = await open([udp("127.0.0.1", service.port)]);
    const payload = new Uint8Array([1, 2, 3]);
    flow.send(payload);
    payload.fill(9);
    await until(() => service.received.length > 0);
    expect([...service.received[0]!.payload]).toEqual([1, 2, 3]);
  });

  it("drops rather than keep more than about a quarter MiB that the machine does not take", async () => {
    const { flow } = await open([udp("127.0.0.1", 9)]);
    const taken = Array.from({ length: 1000 }, () => flow.send(new Uint8Array(1000)));
    expect(taken[0]).toBe(true);
    // In one turn nothing can have been sent.
    expect(taken.filter(Boolean).length).toBeLessThan(300);
    await until(() => flow.send(new Uint8Array(1)));
  });

  it("does not hear that nobody is there: silence, and no error", async () => {
    const socket = serveUdp(() => null);
    const { port } = socket;
    socket[Symbol.dispose]();
    const { flow, lengths, ended } = await open([udp("127.0.0.1", port)]);
    for (let i = 0; i < 5; i++) {
      expect(flow.send(new Uint8Array(1))).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    flow.close();
    await ended;
    expect(lengths).toEqual([]);
  });

  it("ends when it is closed, twice if need be, and frees its socket", async () => {
    const before = openDescriptors();
    const { flow, ended } = await open([udp("127.0.0.1", 9)]);
    expect(openDescriptors()).toBeGreaterThan(before);
    flow.close();
    flow.close();
    await ended;
    expect(flow.send(new Uint8Array(1))).toBe(false);
    await until(() => openDescriptors() <= before);
  });

  it("counts as a tunnel of its service until it is closed", async () => {
    const { flow, pool } = await open([udp("127.0.0.1", 9)]);
    expect(pool.states().map(({ requests }) => requests)).toEqual([1]);
    flow.close();
    expect(pool.states().map(({ requests }) => requests)).toEqual([0]);
  });

  it("spreads tunnels over the services of the route", async () => {
    const { pool, grant } = await poolTo(udp("127.0.0.1", 8), udp("127.0.0.1", 9));
    const dialled = await Promise.all([1, 2, 3].map(() => dialUdp(grant, pool)));
    for (const { flow } of dialled) flow.close();
    expect(dialled.map(({ upstream }) => upstream.port)).toEqual([8, 9, 8]);
  });

  it("falls over to another service when a name does not resolve", async () => {
    const service = echo();
    const { upstream, pool } = await open([udp("name.invalid", 1), udp("127.0.0.1", service.port)]);
    expect(upstream.port).toBe(service.port);
    expect(pool.states().map(({ requests }) => requests)).toEqual([0, 1]);
  });

  it.each([
    [["udp://name.invalid:9"], "dial/name-not-found"],
    [["udp://name.invalid:9", "udp://name.invalid:8"], "dial/name-not-found"],
    [["tcp://127.0.0.1:9"], "dial/unsupported-scheme"],
    [["https://127.0.0.1:9"], "dial/unsupported-scheme"],
  ])("fails for %j with %s", async (to, code) => {
    const { pool, grant } = await poolTo(...to);
    expect((await failureOf(dialUdp(grant, pool))).code).toBe(code);
    expect(pool.states().every(({ requests }) => requests === 0)).toBe(true);
  });

  it("gives up a name that does not resolve in time", async () => {
    const { pool, grant } = await poolTo("udp://name.invalid:9", "udp://127.0.0.1:9");
    const dialling = dialUdp(grant, pool, { signal: AbortSignal.abort() });
    expect((await failureOf(dialling)).code).toBe("dial/name-timeout");
  });
});
