import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { openSqliteStore } from "../../lib/store/sqlite_store.ts";
import type { Bench, Figures, Scene } from "./bench.ts";
import { delay, within } from "./children.ts";
import { sessionIdOf, startGateway } from "./gateway.ts";
import { openTunnel } from "./open_tunnel.ts";
import type { BenchOptions } from "./parse_options.ts";
import { percentile } from "./statistics.ts";

const NUMBERS = {
  people: { absent: 500, max: 800, help: "people with tunnels" },
  idle: { absent: 20, max: 20, help: "idle tunnels of each" },
} as const;

type LiveOptions = BenchOptions<keyof typeof NUMBERS>;

/** Of the people: those who have a tunnel more, which is never quiet. */
const BUSY_SHARE = 0.4;
/** Of the people: those whose sessions are ended; some of them are busy, some not. */
const REVOKED = { from: 0.35, to: 0.45 };
/** Openings at once. */
const CONCURRENCY = 50;
const MAX_MS = 10_000;
/** Asks the service for an echo (load/service.c). */
const ECHO_REQUEST = new Uint8Array([3, 0, 0, 0, 0, 0, 0, 0, 0]);

interface Watched {
  readonly person: number;
  readonly stream: ByteStream;
  /** Milliseconds since 1970 with fractions; `null` while it is open. */
  endedAt: number | null;
  /** Round trips so far, of a busy one. */
  rounds: number;
}

/** How soon tunnels end. */
export const liveBench: Bench<keyof typeof NUMBERS> = {
  about:
    `Measures how long a tunnel outlives its session: idle and busy tunnels of many people through two gateway processes that
share a store, in which a third process ends the sessions of some. Fails when a tunnel outlives its session by 10 s, or one
that is still allowed is touched. (Two processes because a tunnel takes two descriptors, and 20,000 is a usual limit.)`,
  runs: 1,
  numbers: NUMBERS,
  prepare: (scene, options) => {
    let run = 0;
    return [{
      ...{ id: "cut", title: "From the end of the first session to the end of a tunnel" },
      columns: [
        { key: "p50Ms", title: "p50 ms" },
        { key: "p99Ms", title: "p99 ms" },
        { key: "lastMs", title: "last ms" },
        { key: "ended", title: "ended" },
        { key: "others", title: "not touched" },
      ],
      rows: [{ name: "two gateways", measure: () => measure(scene, { ...options, run: ++run }) }],
    }];
  },
};

async function measure(scene: Scene, { people, idle, run }: LiveOptions & { run: number }): Promise<Figures> {
  const { ports, tokens, storePath } = await start(scene, { people, run });
  await using store = await openSqliteStore({ path: storePath });
  const watched = await openAll({ ports, caPem: scene.workspace.caPem, tokens, idle });
  await delay(1000);
  const isRevoked = ({ person }: Watched) => person >= REVOKED.from * people && person < REVOKED.to * people;
  const [cut, kept] = [watched.filter(isRevoked), watched.filter((one) => !isRevoked(one))];
  const revokedAt = epochMs();
  for (const person of new Set(cut.map(({ person }) => person))) {
    await store.removeSession(sessionIdOf(nameOf(person)));
  }
  await within(MAX_MS, allEnded(cut), "some tunnels of ended sessions live on");
  await delay(500);
  const touched = kept.filter(({ endedAt }) => endedAt !== null).length + await countStuck(kept);
  if (touched > 0) throw new Error(`${touched} tunnels that are still allowed were touched`);
  for (const { stream } of watched) stream.close();
  const times = cut.map(({ endedAt }) => endedAt! - revokedAt);
  return {
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    lastMs: percentile(times, 1),
    ended: cut.length,
    others: kept.length,
  };
}

async function start(
  scene: Scene,
  { people, run }: { people: number; run: number },
): Promise<{ ports: readonly number[]; tokens: readonly string[]; storePath: string }> {
  const shared = {
    state: `state-live-${run}`,
    secret: crypto.getRandomValues(new Uint8Array(32)),
    yaml: `routes:
  - from: tcp+https://echo.localhost:7
    to: tcp://127.0.0.1:${scene.load.ports.tcp}
    policy: [{ allow: { or: [{ domain: example.com }] } }]
`,
  };
  const one = await startGateway(scene, { ...shared, name: `live-${run}-a` });
  const other = await startGateway(scene, { ...shared, name: `live-${run}-b` });
  const tokens = await one.signIn(
    Array.from({ length: people }, (_, person) => ({ name: nameOf(person), groups: [] })),
  );
  const storePath = scene.workspace.file(`${shared.state}/sallyport.db`);
  return { ports: [one.port, other.port], tokens, storePath };
}

function nameOf(person: number): string {
  return `person-${person}`;
}

async function openAll(
  { ports, caPem, tokens, idle }: {
    ports: readonly number[];
    caPem: string;
    tokens: readonly string[];
    idle: number;
  },
): Promise<Watched[]> {
  const wanted = tokens.flatMap((_, person) => {
    const quiet = Array.from({ length: idle }, () => ({ person, isBusy: false }));
    return person < BUSY_SHARE * tokens.length ? [...quiet, { person, isBusy: true }] : quiet;
  });
  const watched: Watched[] = [];
  const work = async () => {
    for (let next = wanted.pop(); next !== undefined; next = wanted.pop()) {
      const { person, isBusy } = next;
      const connect = { authority: "echo.localhost:7", token: tokens[person]! };
      const port = ports[wanted.length % ports.length]!;
      const stream = await openTunnel({ port, caPem, connect });
      const one: Watched = { person, stream, endedAt: null, rounds: 0 };
      watched.push(one);
      void watch(one, isBusy);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return watched;
}

async function watch(one: Watched, isBusy: boolean): Promise<void> {
  const buffer = new Uint8Array(64);
  try {
    if (isBusy) await one.stream.write(ECHO_REQUEST);
    do {
      if (isBusy) await one.stream.write(buffer);
      if (await one.stream.read(buffer) === null) break;
      one.rounds++;
      await delay(20);
    } while (isBusy);
  } catch {
    // A reset is an end as well.
  }
  one.endedAt = epochMs();
}

async function allEnded(cut: readonly Watched[]): Promise<void> {
  while (cut.some(({ endedAt }) => endedAt === null)) await delay(10);
}

async function countStuck(kept: readonly Watched[]): Promise<number> {
  const busy = kept.filter(({ rounds }) => rounds > 0);
  const before = busy.map(({ rounds }) => rounds);
  await delay(1000);
  return busy.filter(({ rounds }, index) => rounds === before[index]).length;
}

function epochMs(): number {
  return performance.timeOrigin + performance.now();
}
