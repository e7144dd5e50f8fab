import { delay } from "./children.ts";
import type { Peer } from "./peers.ts";
import { finished, runJob, startLoad } from "./run_job.ts";
import { residentKib } from "./usage.ts";

/** How much to measure. */
export interface MeasureOptions {
  readonly runs: number;
  readonly mib: number;
  readonly openings: number;
  readonly tunnels: number;
  readonly seconds: number;
  /** Told what is measured next. */
  readonly onProgress: (text: string) => void;
}

/** Everything that is measured; the unit is in the name. */
export type FigureName =
  | "downloadMbPerSecond"
  | "downloadCpuSecondsPerGib"
  | "uploadMbPerSecond"
  | "uploadCpuSecondsPerGib"
  | "openingsPerSecond"
  | "openingCpuMs"
  | "idleTunnelKib"
  | "echoP50Micros"
  | "echoP99Micros"
  | "twoWritesP50Micros"
  | "twoWritesP99Micros"
  | "twoWritesStalledPercent";

/** What one run brought. */
export type Figures = Partial<Record<FigureName, number>>;

/** The figures of a peer, each in the order of the runs. */
export interface PeerResult {
  readonly peer: Peer;
  readonly figures: Partial<Record<FigureName, number[]>>;
}

type Step = (peer: Peer, options: MeasureOptions) => Promise<Figures>;

const CONCURRENCY = 8;
const MAX_ROUNDS = 10_000;
/** For connections to be forgotten and memory to be given back. */
const SETTLE_MS = 3000;
const MIB = 2 ** 20;

/** First, and once: what memory was ever used is not given back for sure. */
const ONCE: Readonly<Record<string, Step>> = { "memory of idle tunnels": idleTunnels };

const STEPS: Readonly<Record<string, Step>> = {
  "opening tunnels": openings,
  "download": (peer, options) => throughput(peer, { kind: "download", ...options }),
  "upload": (peer, options) => throughput(peer, { kind: "upload", ...options }),
  "round trips": (peer, options) => roundTrips(peer, { kind: "echo", ...options }),
  "round trips with two writes": (peer, options) => roundTrips(peer, { kind: "twoWrites", ...options }),
};

/** Measures all peers in turn, again and again, so that whatever else the machine does meets them alike. */
export async function measure(peers: readonly Peer[], options: MeasureOptions): Promise<PeerResult[]> {
  const results: PeerResult[] = peers.map((peer) => ({ peer, figures: {} }));
  await runSteps(ONCE, results, options);
  for (let run = 1; run <= options.runs; run++) {
    options.onProgress(`run ${run} of ${options.runs}`);
    await runSteps(STEPS, results, options);
  }
  return results;
}

async function runSteps(
  steps: Readonly<Record<string, Step>>,
  results: readonly PeerResult[],
  options: MeasureOptions,
): Promise<void> {
  for (const [name, step] of Object.entries(steps)) {
    options.onProgress(`  ${name}`);
    for (const { peer, figures } of results) {
      if (peer.openingOnly === true && step !== openings) continue;
      for (const [figure, value] of Object.entries(await step(peer, options))) {
        (figures[figure as FigureName] ??= []).push(value);
      }
    }
  }
}

async function throughput(
  peer: Peer,
  { kind, mib }: { kind: "download" | "upload"; mib: number },
): Promise<Figures> {
  const { seconds, cpuSeconds } = await runJob(peer, { kind, bytes: mib * MIB });
  const mbPerSecond = mib * MIB / 1e6 / seconds;
  const cpu = peer.pid === null ? {} : { [`${kind}CpuSecondsPerGib`]: cpuSeconds / (mib / 1024) };
  return { [`${kind}MbPerSecond`]: mbPerSecond, ...cpu };
}

async function openings(peer: Peer, { openings: count }: MeasureOptions): Promise<Figures> {
  const { seconds, cpuSeconds } = await runJob(peer, { kind: "openings", count, concurrency: CONCURRENCY });
  const cpu = peer.pid === null ? {} : { openingCpuMs: cpuSeconds * 1000 / count };
  return { openingsPerSecond: count / seconds, ...cpu };
}

async function idleTunnels(peer: Peer, { tunnels: count }: MeasureOptions): Promise<Figures> {
  if (peer.pid === null) return {};
  await runJob(peer, { kind: "openings", count: 100, concurrency: CONCURRENCY });
  await delay(SETTLE_MS);
  const before = residentKib(peer.pid);
  await using child = startLoad(peer, { kind: "hold", count });
  await finished(child);
  await delay(SETTLE_MS);
  return { idleTunnelKib: (residentKib(peer.pid) - before) / count };
}

async function roundTrips(
  peer: Peer,
  { kind, seconds }: { kind: "echo" | "twoWrites"; seconds: number },
): Promise<Figures> {
  const { p50, p99, stalled } = await runJob(peer, { kind, rounds: MAX_ROUNDS, maxMs: seconds * 1000 });
  const stalls = kind === "echo" ? {} : { twoWritesStalledPercent: stalled * 100 };
  return { [`${kind}P50Micros`]: p50, [`${kind}P99Micros`]: p99, ...stalls };
}
