import type { Bench, Column, Figures, Row, Scene, Table } from "./bench.ts";
import { delay } from "./children.ts";
import type { Load, Way } from "./load_program.ts";
import type { BenchOptions } from "./parse_options.ts";
import { tcpWays } from "./tcp_ways.ts";
import { residentKib } from "./usage.ts";

/** The numbers that the tables of TCP are made by. */
export const TCP_NUMBERS = {
  mib: { absent: 1024, max: 65_536, help: "MiB moved each way at a time" },
  openings: { absent: 1000, max: 100_000, help: "tunnels opened at a time" },
  tunnels: { absent: 10_000, max: 100_000, help: "idle tunnels whose memory is measured, once" },
  quiet: { absent: 45, max: 600, help: "seconds without traffic before memory is looked at" },
  seconds: { absent: 1, max: 60, help: "longest time of round trips" },
} as const;

type TcpOptions = BenchOptions<keyof typeof TCP_NUMBERS>;

const MIB = 2 ** 20;
const MANY = 100;
const MAX_ROUNDS = 10_000;
/** Of our own client of HTTP/3, which is slower. */
const H3_SHARE = 8;
/** What a process has besides those of its tunnels. */
const OTHER_DESCRIPTORS = 200;

const BULK: readonly Column[] = [
  { key: "downMbPerSecond", title: "down MB/s" },
  { key: "downCpuPerGib", title: "down CPU s/GiB", digits: 2 },
  { key: "upMbPerSecond", title: "up MB/s" },
  { key: "upCpuPerGib", title: "up CPU s/GiB", digits: 2 },
  { key: "loadPercent", title: "load, % of a core" },
];
const OPENINGS: readonly Column[] = [
  { key: "perSecond", title: "tunnels/s" },
  { key: "cpuMs", title: "CPU ms each", digits: 2 },
  { key: "p50Ms", title: "p50 ms", digits: 1 },
  { key: "p99Ms", title: "p99 ms", digits: 1 },
  { key: "resumedPercent", title: "% resumed" },
];
const ROUND_TRIPS: readonly Column[] = [
  { key: "p50Micros", title: "p50 us" },
  { key: "p50Micros", title: "p50 added", addedTo: "direct TCP" },
  { key: "p99Micros", title: "p99 us" },
  { key: "stalledPercent", title: "% over 20 ms", digits: 1 },
];
const IDLE: readonly Column[] = [
  { key: "kib", title: "KiB each" },
  { key: "count", title: "tunnels" },
];

/** TCP tunnels. */
export const tcpBench: Bench<keyof typeof TCP_NUMBERS> = {
  about:
    `Measures TCP tunnels through sallyport and what others use for the same: bulk, round trips, opening, memory.
The figures of direct TLS are what the load program can do at most.`,
  numbers: TCP_NUMBERS,
  prepare: tcpTables,
};

/** The tables of TCP tunnels. */
export function tcpTables(scene: Scene, options: TcpOptions): Table[] {
  const { mib, openings, seconds } = options;
  const ways = tcpWays(scene);
  const rows = (names: string, measure: (way: Way) => Promise<Figures>): Row[] =>
    namesOf(names, [...ways.keys()], scene).map((name) => ({
      name,
      measure: async () => {
        const way = await ways.get(name)!();
        return way === null ? {} : await measure(way);
      },
    }));
  const bulkOf = (streams: number) => (way: Way) => bulk(scene, { way, mib, streams });
  const trips = (kind: "echo" | "twoWrites") => (way: Way) =>
    roundTrips(scene, { way, load: { kind, rounds: MAX_ROUNDS, maxMs: seconds * 1000 } });
  return [
    {
      ...{ id: "idle", title: "Memory of idle tunnels", columns: IDLE, isOnce: true },
      rows: rows("S, S h2, squid, HAProxy, nginx stream", (way) => idle(scene, { way, ...options })),
    },
    {
      ...{ id: "bulk", title: "One tunnel", columns: BULK },
      rows: rows(
        "direct TCP, direct TLS, S, S client certificate, S h2, S h3, squid, HAProxy, HAProxy client certificate, " +
          "stunnel, nginx stream, ssh -L",
        bulkOf(1),
      ),
    },
    {
      ...{ id: "many", title: `${MANY} tunnels at once`, columns: BULK },
      rows: rows(
        "direct TCP, direct TLS, S, S h2, S two workers, squid, HAProxy, stunnel, nginx stream, ssh -L",
        bulkOf(MANY),
      ),
    },
    {
      ...{ id: "openings", title: "Opening tunnels, eight at a time", columns: OPENINGS },
      rows: rows(
        "direct TLS, direct TLS resumed, S, S no session, S resumed, S client certificate, S h2, S two workers, " +
          "squid, squid basic auth, squid resumed, HAProxy, HAProxy resumed, HAProxy client certificate, stunnel, " +
          "nginx stream, nginx stream resumed, ssh -L",
        (way) => opening(scene, { way, count: openings }),
      ),
    },
    {
      ...{ id: "echo", title: "Round trip of one byte", columns: ROUND_TRIPS.slice(0, 3) },
      rows: rows(
        "direct TCP, direct TLS, S, S client certificate, S h2, S h3, squid, HAProxy, stunnel, nginx stream, ssh -L",
        trips("echo"),
      ),
    },
    {
      ...{ id: "twoWrites", title: "Round trip answered with two writes", columns: ROUND_TRIPS },
      rows: rows(
        "direct TCP, direct TLS, S, S client certificate, S h2, squid, HAProxy, nginx stream",
        trips("twoWrites"),
      ),
    },
  ];
}

/** `S` stands for this checkout, followed by each of the others. */
function namesOf(names: string, known: readonly string[], { trees }: Scene): string[] {
  return names.split(", ").flatMap((name) =>
    /^S\b/.test(name) ? ["sallyport", ...Object.keys(trees)].map((label) => name.replace("S", label)) : [name]
  ).filter((name) => known.includes(name));
}

async function bulk(
  { load }: Scene,
  { way, mib, streams }: { way: Way; mib: number; streams: number },
): Promise<Figures> {
  const bytes = Math.ceil(mib / (way.http === "h3" ? H3_SHARE : 1) / streams * MIB) * streams;
  const figures: Record<string, number> = {};
  for (const [kind, name] of [["download", "down"], ["upload", "up"]] as const) {
    const { seconds, cpuSeconds, loadCpuSeconds } = await load.run(way, { kind, bytes, streams });
    // Of the two directions the one in which it has more to do.
    figures.loadPercent = Math.max(figures.loadPercent ?? 0, loadCpuSeconds / seconds * 100);
    figures[`${name}MbPerSecond`] = bytes / 1e6 / seconds;
    if (way.pids.length > 0) figures[`${name}CpuPerGib`] = cpuSeconds / (bytes / 2 ** 30);
  }
  return figures;
}

async function opening({ load }: Scene, { way, count }: { way: Way; count: number }): Promise<Figures> {
  const { seconds, cpuSeconds, p50, p99, resumed } = await load.run(way, { kind: "openings", count });
  return {
    perSecond: count / seconds,
    ...way.pids.length === 0 ? {} : { cpuMs: cpuSeconds * 1000 / count },
    p50Ms: p50 / 1000,
    p99Ms: p99 / 1000,
    ...way.isResumed ? { resumedPercent: resumed * 100 / count } : {},
  };
}

async function roundTrips({ load }: Scene, { way, load: work }: { way: Way; load: Load }): Promise<Figures> {
  const { p50, p99, stalled } = await load.run(way, work);
  return { p50Micros: p50, p99Micros: p99, stalledPercent: stalled * 100 };
}

/** A tunnel takes two descriptors of what it goes through, and there is a limit to them. */
async function idle(
  { load }: Scene,
  { way, tunnels, quiet }: { way: Way; tunnels: number; quiet: number },
): Promise<Figures> {
  const count = Math.min(tunnels, Math.floor((descriptorLimit() - OTHER_DESCRIPTORS) / 2));
  await load.run(way, { kind: "openings", count: MANY });
  // What a burst has left behind is given back only after a while.
  await delay(quiet * 1000);
  const before = residentKib(way.pids);
  await using _held = await load.hold(way, { kind: "hold", count, concurrency: 32 });
  await delay(quiet * 1000);
  return { kib: (residentKib(way.pids) - before) / count, count };
}

function descriptorLimit(): number {
  return Number(/^Max open files\s+(\d+)/m.exec(Deno.readTextFileSync("/proc/self/limits"))![1]);
}
