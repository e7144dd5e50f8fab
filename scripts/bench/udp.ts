import type { Bench, Column, Figures, Row, Scene, Table } from "./bench.ts";
import { type Gateway, once, startGateway } from "./gateway.ts";
import type { Outcome, PacketLoad, Way } from "./load_program.ts";
import type { BenchOptions } from "./parse_options.ts";

const NUMBERS = { seconds: { absent: 1, max: 100, help: "length of a measurement" } } as const;

type UdpOptions = BenchOptions<keyof typeof NUMBERS>;

const SIZES = [64, 1200] as const;
const TARGET = { host: "udp.localhost", port: 7 };
const COLUMNS: readonly Column[] = [
  { key: "p50Micros", title: "p50 us" },
  { key: "p50Micros", title: "p50 added", addedTo: "direct" },
  { key: "p99Micros", title: "p99 us" },
  { key: "eachWay", title: "packets/s each way" },
  { key: "oneWay", title: "packets/s one way" },
  { key: "lostPercent", title: "% lost one way", digits: 1 },
  { key: "gatewayPercent", title: "gateway, % of a core" },
  { key: "loadPercent", title: "load, % of a core" },
];

/** UDP. */
export const udpBench: Bench<keyof typeof NUMBERS> = {
  about:
    `Measures UDP packets to a service and back (latency with one under way, rate with 128), and one way: straight,
and through the gateway over HTTP/3, HTTP/2 and HTTP/1.1. The load over HTTP/3 and HTTP/2 is our own client, a
Deno program; the two last columns tell who had no time left.`,
  numbers: NUMBERS,
  prepare: udpTables,
};

/** The tables of UDP. */
export function udpTables(scene: Scene, { seconds }: UdpOptions): Table[] {
  const direct: Way = { port: scene.load.ports.udp, isTls: false, pids: [] };
  const ways = new Map<string, () => Promise<Way>>([["direct", () => Promise.resolve(direct)]]);
  for (const [name, tree] of [["sallyport", null] as const, ...Object.entries(scene.trees)]) {
    const gateway = once(() => startSallyport(scene, { name, tree }));
    for (const http of ["h3", "h2", "h1"] as const) {
      ways.set(`${name} ${http}`, async () => {
        const { port, pids } = await gateway();
        return { port, isTls: true, pids, http };
      });
    }
  }
  return SIZES.map((size) => ({
    ...{ id: `udp${size}`, title: `Packets of ${size} bytes`, columns: COLUMNS },
    rows: [...ways].map(([name, way]): Row => ({
      name,
      measure: async () => await measure(scene, { way: await way(), size, maxMs: seconds * 1000 }),
    })),
  }));
}

function startSallyport(
  scene: Scene,
  { name, tree }: { name: string; tree: string | null },
): Promise<Gateway> {
  return startGateway(scene, {
    name: `udp-${name}`,
    tree,
    yaml: `codec_type: http3
udp_limits: { packets_per_second: 0, bytes_per_second: 0 }
routes:
  - from: udp+https://${TARGET.host}:${TARGET.port}
    to: udp://127.0.0.1:${scene.load.ports.udp}
    allow_public_unauthenticated_access: true
`,
  });
}

async function measure(
  { load }: Scene,
  { way, size, maxMs }: { way: Way; size: number; maxMs: number },
): Promise<Figures> {
  const udp = way.isTls ? { udp: `${TARGET.host}/${TARGET.port}` } : {};
  const run = (kind: PacketLoad["kind"]) => load.run(way, { kind, size, maxMs, ...udp });
  const one = await run("udpLatency");
  const both = await run("udpRate");
  const away = await run("udpOneWay");
  const perSecond = ({ count, seconds }: Outcome) => count / seconds;
  const share = (cpu: number) => cpu / both.seconds * 100;
  return {
    p50Micros: one.p50,
    p99Micros: one.p99,
    eachWay: perSecond(both),
    oneWay: perSecond(away),
    lostPercent: away.lost * 100,
    ...way.pids.length === 0 ? {} : { gatewayPercent: share(both.cpuSeconds) },
    loadPercent: share(both.loadCpuSeconds),
  };
}
