// deno-lint-ignore-file no-console -- speaks to the program that started it

/**
 * The load on a tunnel, as a program of its own: takes a {@link Job} as JSON from the variable `JOB`, prints what came of it
 * as one line of JSON.
 */
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { openTunnel, type Path } from "./open_tunnel.ts";
import { DONE, readExactly, request } from "./protocol.ts";
import { percentile } from "./statistics.ts";

/** What to do, and over which path. */
export type Job = { readonly path: Path } & Load;

/** What to do. */
export type Load =
  /** Moves bytes through one tunnel. */
  | { readonly kind: "download" | "upload"; readonly bytes: number }
  /** Opens tunnels, so many at once, sends one byte and back through each, and closes it. */
  | { readonly kind: "openings"; readonly count: number; readonly concurrency: number }
  /** Sends a byte and waits for the answer, again and again, until one of the bounds is reached. */
  | { readonly kind: "echo" | "twoWrites"; readonly rounds: number; readonly maxMs: number }
  /** Opens tunnels, sends one byte and back through each, and holds them until standard input ends. */
  | { readonly kind: "hold"; readonly count: number };

/** What came of moving bytes, opening and holding. */
export interface Elapsed {
  /** Without the opening, where bytes were moved. */
  readonly seconds: number;
}

/** What came of sending bytes to and fro, in microseconds. */
export interface RoundTrips {
  readonly p50: number;
  readonly p99: number;
  /** Share of the rounds, 0 to 1, that took longer than 20 ms: somebody waited for a delayed acknowledgement. */
  readonly stalled: number;
  readonly rounds: number;
}

const CHUNK_BYTES = 256 * 1024;
/** A fresh connection is acknowledged at once for a while, which hides what comes later. */
const UNCOUNTED_ROUNDS = 30;
const STALL_MICROS = 20_000;

async function main(job: Job): Promise<Elapsed | RoundTrips> {
  switch (job.kind) {
    case "download":
    case "upload":
      return await move(job.path, job);
    case "openings":
      return await elapsed(() => inParallel(job, () => openAndClose(job.path)));
    case "echo":
    case "twoWrites":
      return await pingPong(job.path, job);
    case "hold":
      return await elapsed(() => inParallel({ ...job, concurrency: 8 }, () => openAndProve(job.path)));
  }
}

async function elapsed(work: () => Promise<unknown>): Promise<Elapsed> {
  const start = performance.now();
  await work();
  return { seconds: (performance.now() - start) / 1000 };
}

async function move(path: Path, job: { kind: "download" | "upload"; bytes: number }): Promise<Elapsed> {
  const stream = await openTunnel(path);
  const buffer = new Uint8Array(CHUNK_BYTES);
  const step = async (part: Uint8Array<ArrayBuffer>) => {
    if (job.kind === "download") return await stream.read(part);
    await stream.write(part);
    return part.length;
  };
  return await elapsed(async () => {
    await stream.write(request(job.kind, job.bytes));
    for (let left = job.bytes; left > 0;) {
      const count = await step(buffer.subarray(0, Math.min(left, buffer.length)));
      if (count === null) throw new Error("The tunnel ended early");
      left -= count;
    }
    if (job.kind === "upload") await readExactly(stream, new Uint8Array(DONE.length));
  });
}

async function openAndProve(path: Path): Promise<ByteStream> {
  const stream = await openTunnel(path);
  const byte = new Uint8Array(1);
  await stream.write(new Uint8Array([...request("echo"), ...byte]));
  await readExactly(stream, byte);
  return stream;
}

async function openAndClose(path: Path): Promise<void> {
  (await openAndProve(path)).close();
}

async function inParallel(
  options: { count: number; concurrency: number },
  work: () => Promise<unknown>,
): Promise<void> {
  let left = options.count;
  await Promise.all(Array.from({ length: options.concurrency }, async () => {
    while (left-- > 0) await work();
  }));
}

async function pingPong(
  path: Path,
  job: { kind: "echo" | "twoWrites"; rounds: number; maxMs: number },
): Promise<RoundTrips> {
  const stream = await openTunnel(path);
  await stream.write(request(job.kind));
  const ping = new Uint8Array(1);
  const answer = new Uint8Array(job.kind === "echo" ? 1 : 2);
  const micros: number[] = [];
  const end = performance.now() + job.maxMs;
  for (let round = -UNCOUNTED_ROUNDS; round < job.rounds; round++) {
    const start = performance.now();
    if (start > end) break;
    await stream.write(ping);
    await readExactly(stream, answer);
    if (round >= 0) micros.push((performance.now() - start) * 1000);
  }
  stream.close();
  return {
    p50: percentile(micros, 0.5),
    p99: percentile(micros, 0.99),
    stalled: micros.filter((time) => time > STALL_MICROS).length / micros.length,
    rounds: micros.length,
  };
}

if (import.meta.main) {
  const job = JSON.parse(Deno.env.get("JOB")!) as Job;
  console.log(JSON.stringify(await main(job)));
  if (job.kind === "hold") { for await (const _ of Deno.stdin.readable); }
  Deno.exit();
}
