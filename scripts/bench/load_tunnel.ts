import type { ByteStream } from "../../lib/base/byte_stream.ts";
import type { BulkLoad, RoundTripLoad } from "./load_program.ts";
import { percentile } from "./statistics.ts";

/** What the service is asked for: a mode, and a count as 64 bits in network order (load/service.c). */
const MODES = { download: 1, upload: 2, echo: 3, twoWrites: 4 } as const;
const REQUEST_BYTES = 9;
const CHUNK_BYTES = 256 * 1024;
/** A fresh connection is acknowledged at once for a while, which hides what comes later. */
const UNCOUNTED_ROUNDS = 30;

/** Of a load: awaited when it is about to start. */
type Begin = () => Promise<void>;

/** Puts a load on a tunnel. @returns what the load program prints of it */
export async function measureTunnel(
  stream: ByteStream,
  { load, begin }: { load: BulkLoad | RoundTripLoad; begin: Begin },
): Promise<object> {
  return await ("bytes" in load ? move(stream, { ...load, begin }) : pingPong(stream, { ...load, begin }));
}

async function move(
  stream: ByteStream,
  { kind, bytes, begin }: BulkLoad & { begin: Begin },
): Promise<object> {
  await begin();
  const buffer = new Uint8Array(CHUNK_BYTES);
  const start = performance.now();
  await stream.write(request(kind, bytes));
  for (let left = bytes; left > 0;) {
    const part = buffer.subarray(0, Math.min(left, buffer.length));
    const count = kind === "download" ? await stream.read(part) : (await stream.write(part), part.length);
    if (count === null) throw new Error("The tunnel ended early");
    left -= count;
  }
  if (kind === "upload") await readExactly(stream, new Uint8Array(1));
  return { seconds: (performance.now() - start) / 1000, count: 1 };
}

async function pingPong(
  stream: ByteStream,
  { kind, rounds, maxMs, begin }: RoundTripLoad & { begin: Begin },
): Promise<object> {
  await stream.write(request(kind));
  await begin();
  const [ping, answer] = [new Uint8Array(1), new Uint8Array(kind === "echo" ? 1 : 2)];
  const micros: number[] = [];
  const began = performance.now();
  for (let round = -UNCOUNTED_ROUNDS; round < rounds; round++) {
    const start = performance.now();
    if (start > began + maxMs) break;
    await stream.write(ping);
    await readExactly(stream, answer);
    if (round >= 0) micros.push((performance.now() - start) * 1000);
  }
  return {
    seconds: (performance.now() - began) / 1000,
    count: micros.length,
    p50: percentile(micros, 0.5),
    p99: percentile(micros, 0.99),
    stalled: micros.filter((time) => time > 20_000).length / micros.length,
  };
}

function request(mode: keyof typeof MODES, count = 0): Uint8Array {
  const view = new DataView(new ArrayBuffer(REQUEST_BYTES));
  view.setUint8(0, MODES[mode]);
  view.setBigUint64(1, BigInt(count));
  return new Uint8Array(view.buffer);
}

async function readExactly(stream: ByteStream, into: Uint8Array<ArrayBuffer>): Promise<void> {
  for (let filled = 0; filled < into.length;) {
    const count = await stream.read(into.subarray(filled));
    if (count === null) throw new Error("The tunnel ended early");
    filled += count;
  }
}
