import type { DatagramFlow } from "../../lib/base/datagram_flow.ts";
import type { PacketLoad } from "./load_program.ts";
import { percentile } from "./statistics.ts";

/** The first byte of a packet: what the service does with it (load/service.c). */
const KINDS = { echo: 0, count: 1, report: 2 } as const;
/** Packets under way when the rate is measured. */
const WINDOW = 128;
/** A packet that takes longer is lost. */
const LOST_MS = 250;
const UNCOUNTED = 50;
/** Sent one way before others get a turn. */
const BATCH = 64;

/**
 * Puts a load of packets on a flow.
 *
 * @param options `begin`: awaited when it is about to start
 * @returns what the load program prints of it
 */
export async function measurePackets(
  flow: DatagramFlow,
  { load: { kind, size, maxMs }, begin }: { load: PacketLoad; begin: () => Promise<void> },
): Promise<object> {
  await begin();
  const measure = { udpLatency: latency, udpRate: rate, udpOneWay: oneWay }[kind];
  return await measure(flow, { size, ms: maxMs });
}

interface Measured {
  readonly size: number;
  readonly ms: number;
}

function packet(size: number, kind: keyof typeof KINDS): Uint8Array {
  const payload = new Uint8Array(size);
  payload[0] = KINDS[kind];
  return payload;
}

async function latency(flow: DatagramFlow, { size, ms }: Measured): Promise<object> {
  const payload = packet(size, "echo");
  let arrived = Promise.withResolvers<boolean>();
  void flow.receive(() => arrived.resolve(true)).catch(() => {});
  const micros: number[] = [];
  let lost = 0;
  const end = performance.now() + ms;
  for (let round = -UNCOUNTED; performance.now() < end; round++) {
    arrived = Promise.withResolvers();
    const timer = setTimeout(() => arrived.resolve(false), LOST_MS);
    const start = performance.now();
    flow.send(payload);
    const cameBack = await arrived.promise;
    clearTimeout(timer);
    if (round < 0) continue;
    if (cameBack) micros.push((performance.now() - start) * 1000);
    else lost++;
  }
  const [p50, p99] = [percentile(micros, 0.5), percentile(micros, 0.99)];
  return { seconds: ms / 1000, count: micros.length, lost: lost / (micros.length + lost), p50, p99 };
}

async function rate(flow: DatagramFlow, { size, ms }: Measured): Promise<object> {
  const payload = packet(size, "echo");
  let [sent, received, isOver] = [0, 0, false];
  const send = () => {
    sent++;
    flow.send(payload);
  };
  void flow.receive(() => {
    received++;
    if (!isOver) send();
  }).catch(() => {});
  for (let index = 0; index < WINDOW; index++) send();
  const start = performance.now();
  let before = -1;
  while (performance.now() - start < ms) {
    await sleep(LOST_MS);
    // Every packet under way was lost: begin anew.
    if (received === before) { for (let index = 0; index < WINDOW; index++) send(); }
    before = received;
  }
  const seconds = (performance.now() - start) / 1000;
  const count = received;
  isOver = true;
  await sleep(LOST_MS);
  return { seconds, count, lost: (sent - received) / sent };
}

async function oneWay(flow: DatagramFlow, { size, ms }: Measured): Promise<object> {
  const payload = packet(size, "count");
  let sent = 0;
  const start = performance.now();
  while (performance.now() - start < ms) {
    // `send` refuses what has no room.
    for (let index = 0; index < BATCH && flow.send(payload); index++) sent++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  const seconds = (performance.now() - start) / 1000;
  const count = await reported(flow, size);
  return { seconds, count, lost: (sent - count) / sent };
}

/** Asks the service how many packets it has counted. */
async function reported(flow: DatagramFlow, size: number): Promise<number> {
  await sleep(LOST_MS);
  const { promise, resolve } = Promise.withResolvers<number>();
  void flow.receive((payload) => {
    resolve(Number(new DataView(payload.buffer, payload.byteOffset).getBigUint64(8, true)));
  }).catch(() => {});
  const timer = setInterval(() => flow.send(packet(size, "report")), LOST_MS);
  flow.send(packet(size, "report"));
  return await promise.finally(() => clearInterval(timer));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
