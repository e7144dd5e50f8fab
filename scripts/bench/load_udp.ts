// deno-lint-ignore-file no-console -- speaks to the program that started it

/**
 * The load of UDP packets, as a program of its own: takes a {@link UdpJob} as JSON from the variable `JOB`, prints what came
 * of it as one line of JSON.
 */
import { createSocket } from "node:dgram";
import type { DatagramFlow } from "../../lib/base/datagram_flow.ts";
import type { CarrierName } from "../../lib/client/carrier.ts";
import { connectCarrier } from "../../lib/client/connect.ts";
import { percentile } from "./statistics.ts";

/** What to send, and which way. */
export interface UdpJob {
  /** Without it, straight to the service. */
  readonly gateway: {
    readonly carrier: CarrierName;
    readonly port: number;
    readonly caPem: string;
    readonly target: { readonly host: string; readonly port: number };
  } | null;
  /** Where the service is on 127.0.0.1. */
  readonly servicePort: number;
  /** Bytes of each packet, 8 or more. */
  readonly size: number;
  /** `latency`: one packet at a time; `rate`: so many under way that the way is never idle. */
  readonly kind: "latency" | "rate";
  /** How long. */
  readonly ms: number;
}

/** What came of it. */
export interface UdpOutcome {
  /** Round trips in microseconds; of `latency` only. */
  readonly p50: number;
  /** The same. */
  readonly p99: number;
  /** Packets that came back in a second. */
  readonly perSecond: number;
  /** Share of the packets, 0 to 1, that did not come back. */
  readonly lost: number;
}

/** Packets under way when the rate is measured. */
const WINDOW = 128;
/** A packet that takes longer is lost. */
const LOST_MS = 250;
const UNCOUNTED = 50;

if (import.meta.main) {
  const job = JSON.parse(Deno.env.get("JOB")!) as UdpJob;
  const flow = job.gateway === null ? await directFlow(job.servicePort) : await carriedFlow(job.gateway);
  console.log(JSON.stringify(await (job.kind === "latency" ? latency(flow, job) : rate(flow, job))));
  Deno.exit();
}

async function latency(flow: DatagramFlow, { size, ms }: UdpJob): Promise<UdpOutcome> {
  const payload = new Uint8Array(size);
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
  const sent = micros.length + lost;
  return {
    p50: percentile(micros, 0.5),
    p99: percentile(micros, 0.99),
    perSecond: micros.length / ms * 1000,
    lost: lost / sent,
  };
}

async function rate(flow: DatagramFlow, { size, ms }: UdpJob): Promise<UdpOutcome> {
  const payload = new Uint8Array(size);
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
    await new Promise((resolve) => setTimeout(resolve, LOST_MS));
    // Every packet under way was lost: begin anew.
    if (received === before) { for (let index = 0; index < WINDOW; index++) send(); }
    before = received;
  }
  const seconds = (performance.now() - start) / 1000;
  const inTime = received;
  isOver = true;
  await new Promise((resolve) => setTimeout(resolve, LOST_MS));
  return { p50: NaN, p99: NaN, perSecond: inTime / seconds, lost: (sent - received) / sent };
}

async function carriedFlow(
  { carrier: name, port, caPem, target }: NonNullable<UdpJob["gateway"]>,
): Promise<DatagramFlow> {
  const { signal } = new AbortController();
  const gateway = { tls: true, host: "localhost", port };
  const carrier = await connectCarrier(name, { gateway, trust: { caCerts: [caPem], verify: true }, signal });
  return await carrier.openUdp(target, { token: null, userAgent: "bench", signal });
}

function directFlow(port: number): Promise<DatagramFlow> {
  const socket = createSocket("udp4");
  const flow: DatagramFlow = {
    maxPayloadBytes: 65_507,
    send(payload) {
      socket.send(payload, port, "127.0.0.1");
      return true;
    },
    receive: (deliver) => new Promise(() => socket.on("message", deliver)),
    close: () => void socket.close(),
  };
  return new Promise((resolve) => socket.bind(0, "127.0.0.1", () => resolve(flow)));
}
