import type { Bench, Column, Figures, Row, Scene, Table } from "./bench.ts";
import { type Child, delay, findProgram, freePort } from "./children.ts";
import { hasNginx, nginxPair, startNginx } from "./peers/nginx.ts";
import { residentKib } from "./usage.ts";

const COLUMNS: readonly Column[] = [
  { key: "firstByteMs", title: "ms to the first byte" },
  { key: "residentMib", title: "MiB resident, idle" },
];
const SETTLE_MS = 2000;
const POLL_MS = 2;
const MAX_MS = 20_000;

/** Starts something that listens on a port with the certificate of the benchmark. */
type Starter = (port: number) => Promise<Child> | Child;

/** Start and size. */
export const startBench: Bench = {
  about:
    `Measures the start of the gateway: from the start of the process to the first byte of an answer over TLS, and the memory
that it then takes; as it lies in the folder and as a bundle, HAProxy and nginx beside it. Makes the bundle.`,
  numbers: {},
  needsLoad: false,
  prepare: startTables,
};

async function startTables(scene: Scene): Promise<Table[]> {
  const bundle = await makeBundle(scene);
  const starters: Record<string, Starter> = {
    "mod.ts": (port) => sallyport(scene, { port, tree: null }),
    ...Object.fromEntries(
      Object.entries(scene.trees).map(([name, tree]) =>
        [name, (port: number) => sallyport(scene, { port, tree })] as const
      ),
    ),
    bundle: (port) => startBundle(scene, { port, bundle }),
    ...findProgram("haproxy") === null ? {} : { HAProxy: (port: number) => haproxy(scene, port) },
    ...hasNginx(scene) ? { nginx: (port: number) => nginx(scene, port) } : {},
  };
  if (findProgram("haproxy") === null) scene.missing("haproxy");
  const { size } = await Deno.stat(bundle);
  return [
    {
      ...{ id: "size", title: "Size", isOnce: true, columns: [{ key: "kib", title: "KiB" }] },
      rows: [{ name: "bundle", measure: () => Promise.resolve({ kib: size / 1024 }) }],
    },
    {
      ...{ id: "start", title: "Start", columns: COLUMNS },
      rows: Object.entries(starters).map(([name, start]): Row => ({
        name,
        measure: () => measure(scene, start),
      })),
    },
  ];
}

/** @returns its path */
async function makeBundle({ workspace, programs }: Scene): Promise<string> {
  const file = workspace.file("sallyport.js");
  const script = new URL("../bundle.ts", import.meta.url).pathname;
  await programs.output(Deno.execPath(), ["run", "-A", "--no-check", script, file]);
  return file;
}

async function files({ workspace }: Scene, port: number): Promise<string[]> {
  const pair = `{ cert: ${workspace.certFile}, key: ${workspace.keyFile} }`;
  const yaml = `address: 127.0.0.1:${port}\ncertificates: [${pair}]\nroutes: []\n`;
  return [
    "-c",
    await workspace.write(`start-${port}.yaml`, yaml),
    "--state-dir",
    workspace.file("state-start"),
  ];
}

async function sallyport(
  scene: Scene,
  { port, tree }: { port: number; tree: string | null },
): Promise<Child> {
  return scene.programs.startDeno("mod.ts", {
    args: ["serve", ...await files(scene, port)],
    tree,
    side: "tested",
  });
}

async function startBundle(scene: Scene, { port, bundle }: { port: number; bundle: string }): Promise<Child> {
  const args = ["run", "-A", "--no-config", bundle, "serve", ...await files(scene, port)];
  return scene.programs.start({ command: Deno.execPath(), args, side: "tested" });
}

async function haproxy({ workspace, programs }: Scene, port: number): Promise<Child> {
  const configuration = await workspace.write(
    "haproxy-start.cfg",
    `global
  nbthread 1
defaults
  mode http
  timeout client 5s
listen answers
  bind 127.0.0.1:${port} ssl crt ${workspace.pairFile}
  http-request return status 200
`,
  );
  return programs.start({
    command: findProgram("haproxy")!,
    args: ["-db", "-f", configuration],
    side: "tested",
  });
}

function nginx(scene: Scene, port: number): Promise<Child> {
  const http = `server { listen 127.0.0.1:${port} ssl; ${nginxPair(scene)} return 200 "hello"; }`;
  return startNginx(scene, { name: "start", port, http, side: "tested" });
}

async function measure({ workspace }: Scene, start: Starter): Promise<Figures> {
  const port = freePort();
  const startMs = performance.now();
  await using child = await start(port);
  await firstByte(port, workspace.caPem);
  const firstByteMs = performance.now() - startMs;
  await delay(SETTLE_MS);
  return { firstByteMs, residentMib: residentKib([child.pid]) / 1024 };
}

async function firstByte(port: number, caPem: string): Promise<void> {
  const address = { hostname: "127.0.0.1", port };
  for (const end = Date.now() + MAX_MS;; await delay(POLL_MS)) {
    try {
      using tls = await Deno.startTls(await Deno.connect(address), {
        hostname: "localhost",
        caCerts: [caPem],
      });
      await tls.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
      if (await tls.read(new Uint8Array(1)) !== null) return;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused) || Date.now() > end) throw error;
    }
  }
}
