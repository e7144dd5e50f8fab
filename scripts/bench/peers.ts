import { freePort, startChild, startDeno } from "./children.ts";
import type { Path } from "./open_tunnel.ts";
import { startSallyport } from "./sallyport.ts";
import type { Workspace } from "./workspace.ts";

/** Something whose tunnels are measured. */
export interface Peer {
  readonly name: string;
  readonly path: Path;
  /** The proxy's process; `null` when there is none. */
  readonly pid: number | null;
  /** Differs from another peer only in how a tunnel is opened, so that nothing else of it is measured. */
  readonly openingOnly?: boolean;
}

/** Where a peer is started. */
export interface PeerOptions {
  readonly workspace: Workspace;
  /** Port of the service on 127.0.0.1. */
  readonly servicePort: number;
  /** Disposes what was started. */
  readonly stack: AsyncDisposableStack;
}

/** Everything that is measured, and what could not be. */
export interface Peers {
  readonly peers: readonly Peer[];
  /** Names of the proxies that this machine does not have. */
  readonly notInstalled: readonly string[];
}

/** Starts the service and everything that leads to it. */
export async function startPeers(workspace: Workspace, stack: AsyncDisposableStack): Promise<Peers> {
  const env = { CERT_FILE: workspace.certFile, KEY_FILE: workspace.keyFile };
  const service = stack.use(startDeno("scripts/bench/service.ts", { env }));
  const ports = JSON.parse(await service.firstLine(10_000)) as { tcp: number; tls: number };
  const options = { workspace, stack, servicePort: ports.tcp };
  const [squid, haproxy] = [await startSquid(options), await startHaproxy(options)];
  const peers = [
    { name: "direct, TCP", path: { port: ports.tcp, caPem: null, connect: null }, pid: null },
    { name: "direct, TLS", path: { port: ports.tls, caPem: workspace.caPem, connect: null }, pid: null },
    ...await startSallyport(options),
    squid,
    haproxy,
  ];
  return {
    peers: peers.filter((peer) => typeof peer !== "string"),
    notInstalled: peers.filter((peer) => typeof peer === "string"),
  };
}

/** @returns the peer, or its name when it is not installed */
async function startSquid({ workspace, servicePort, stack }: PeerOptions): Promise<Peer | string> {
  const command = findProgram("squid");
  if (command === null) return "squid";
  const port = freePort();
  const configuration = await workspace.write(
    "squid.conf",
    `https_port 127.0.0.1:${port} tls-cert=${workspace.certFile} tls-key=${workspace.keyFile}
http_access allow all
cache deny all
access_log none
cache_log /dev/null
pid_filename none
netdb_filename none
pinger_enable off
visible_hostname localhost
max_filedescriptors 16384
shutdown_lifetime 0 seconds
`,
  );
  const child = stack.use(startChild({ command, args: ["-N", "-f", configuration] }));
  await child.accepting(port, 10_000);
  const connect = { authority: `127.0.0.1:${servicePort}`, token: null };
  return { name: "squid", path: { port, caPem: workspace.caPem, connect }, pid: child.pid };
}

/** @returns the peer, or its name when it is not installed */
async function startHaproxy({ workspace, servicePort, stack }: PeerOptions): Promise<Peer | string> {
  const command = findProgram("haproxy");
  if (command === null) return "HAProxy";
  const port = freePort();
  const pair = [workspace.certFile, workspace.keyFile].map((file) => Deno.readTextFileSync(file)).join("\n");
  const configuration = await workspace.write(
    "haproxy.cfg",
    `global
  nbthread 1
  maxconn 8000
defaults
  mode tcp
  timeout connect 5s
  timeout client 10m
  timeout server 10m
listen tunnels
  bind 127.0.0.1:${port} ssl crt ${await workspace.write("haproxy.pem", pair)}
  server service 127.0.0.1:${servicePort}
`,
  );
  const child = stack.use(startChild({ command, args: ["-db", "-f", configuration] }));
  await child.accepting(port, 10_000);
  return { name: "HAProxy", path: { port, caPem: workspace.caPem, connect: null }, pid: child.pid };
}

/** Debian keeps servers where the PATH of a user does not lead. */
function findProgram(name: string): string | null {
  const folders = [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/local/sbin", "/usr/sbin"];
  for (const folder of folders) {
    try {
      if (Deno.statSync(`${folder}/${name}`).isFile) return `${folder}/${name}`;
    } catch {
      // Not here.
    }
  }
  return null;
}
