import type { Bench, Column, Figures, Row, Scene, Table } from "./bench.ts";
import { freePort } from "./children.ts";
import { once, startGateway } from "./gateway.ts";
import type { BenchOptions } from "./parse_options.ts";
import { hasNginx, nginxPair, startNginx } from "./peers/nginx.ts";
import { cpuSeconds } from "./usage.ts";

const NUMBERS = {
  seconds: { absent: 3, max: 100, help: "length of a measurement with wrk" },
} as const;

type HttpOptions = BenchOptions<keyof typeof NUMBERS>;

const HOST = "www.localhost";
const CONNECTIONS = 32;
const LARGE_BYTES = 100_000_000;

const SMALL: readonly Column[] = [
  { key: "perSecond", title: "requests/s" },
  { key: "p50Micros", title: "p50 us" },
  { key: "p99Micros", title: "p99 us" },
  { key: "perCpuSecond", title: "requests per CPU s" },
];
const LARGE: readonly Column[] = [
  { key: "mbPerSecond", title: "MB/s" },
  { key: "cpuPerGib", title: "CPU s/GiB", digits: 2 },
];

interface Proxy {
  readonly port: number;
  /** Of what is between; empty when there is nothing. */
  readonly pids: readonly number[];
}

/** HTTP requests. */
export const httpBench: Bench<keyof typeof NUMBERS> = {
  about:
    `Measures HTTP requests over TLS through the gateway and through nginx as a reverse proxy of one process, in front of the
same nginx: small answers by wrk with ${CONNECTIONS} connections, 100 MB by curl. Needs nginx, wrk and curl.`,
  numbers: NUMBERS,
  prepare: httpTables,
};

/** The tables of HTTP requests. */
export function httpTables(scene: Scene, { seconds }: HttpOptions): Table[] {
  if (!hasNginx(scene)) return [];
  const origin = once(() => startOrigin(scene));
  const ways: Record<string, () => Promise<Proxy>> = {
    direct: async () => ({ port: (await origin()).tls, pids: [] }),
    sallyport: once(async () => await startSallyport(scene, { to: (await origin()).plain, tree: null })),
    ...Object.fromEntries(
      Object.entries(scene.trees).map(([name, tree]) =>
        [
          name,
          once(async () => await startSallyport(scene, { to: (await origin()).plain, tree, name })),
        ] as const
      ),
    ),
    nginx: once(async () => await startReverseProxy(scene, (await origin()).plain)),
  };
  const rows = (measure: (proxy: Proxy) => Promise<Figures>): Row[] =>
    Object.entries(ways).map(([name, way]) => ({ name, measure: async () => await measure(await way()) }));
  return [
    {
      ...{ id: "small", title: "Small answers, keep-alive", columns: SMALL },
      rows: rows((proxy) => small(scene, { proxy, seconds })),
    },
    { ...{ id: "large", title: "100 MB", columns: LARGE }, rows: rows((proxy) => large(scene, proxy)) },
  ];
}

/** The service behind all, without TLS and with it. */
async function startOrigin(scene: Scene): Promise<{ plain: number; tls: number }> {
  const [plain, tls] = [freePort(), freePort()];
  await Deno.writeFile(scene.workspace.file("large"), new Uint8Array(LARGE_BYTES));
  // Its worker, when it is started as root, is another user.
  await Deno.chmod(scene.workspace.file(""), 0o711);
  const http = `server {
    listen 127.0.0.1:${plain};
    listen 127.0.0.1:${tls} ssl;
    ${nginxPair(scene)}
    location = /small { return 200 "hello, world"; }
    location / { root ${scene.workspace.file("")}; }
  }`;
  await startNginx(scene, { name: "origin", port: plain, http, side: "load" });
  return { plain, tls };
}

async function startReverseProxy(scene: Scene, to: number): Promise<Proxy> {
  const port = freePort();
  const http = `upstream origin { server 127.0.0.1:${to}; keepalive 64; }
  server {
    listen 127.0.0.1:${port} ssl;
    ${nginxPair(scene)}
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
    }
  }`;
  const { pid } = await startNginx(scene, { name: "reverse", port, http, side: "tested" });
  return { port, pids: [pid] };
}

function startSallyport(
  scene: Scene,
  { to, tree, name = "sallyport" }: { to: number; tree: string | null; name?: string },
): Promise<Proxy> {
  const yaml = `routes:
  - from: https://${HOST}
    to: http://127.0.0.1:${to}
    allow_public_unauthenticated_access: true
`;
  return startGateway(scene, { name: `http-${name}`, yaml, tree });
}

async function small(
  { programs }: Scene,
  { proxy, seconds }: { proxy: Proxy; seconds: number },
): Promise<Figures> {
  const { port, pids } = proxy;
  const url = `https://127.0.0.1:${port}/small`;
  const args = ["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "--latency", "-H", `Host: ${HOST}`, url];
  const before = cpuSeconds(pids);
  const text = await programs.output("wrk", args);
  const cpu = cpuSeconds(pids) - before;
  if (/Non-2xx/.test(text)) throw new Error(`it did not answer: ${text}`);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)![1]);
  return {
    perSecond,
    p50Micros: micros(/50%\s+([\d.]+)(us|ms|s)/.exec(text)!),
    p99Micros: micros(/99%\s+([\d.]+)(us|ms|s)/.exec(text)!),
    ...pids.length === 0 ? {} : { perCpuSecond: perSecond * seconds / cpu },
  };
}

async function large({ programs, workspace }: Scene, { port, pids }: Proxy): Promise<Figures> {
  const url = `https://${HOST}:${port}/large`;
  const args = ["-sSf", "-o", "/dev/null", "-k", "--http1.1", "--cacert", workspace.caFile, url];
  const resolve = ["--resolve", `${HOST}:${port}:127.0.0.1`, "-w", "%{speed_download}"];
  const before = cpuSeconds(pids);
  const speed = await programs.output("curl", [...args, ...resolve]);
  const cpuPerGib = (cpuSeconds(pids) - before) / (LARGE_BYTES / 2 ** 30);
  return { mbPerSecond: Number(speed) / 1e6, ...pids.length === 0 ? {} : { cpuPerGib } };
}

function micros([, number, unit]: RegExpExecArray): number {
  return Number(number) * (unit === "us" ? 1 : unit === "ms" ? 1e3 : 1e6);
}
