import type { Scene } from "./bench.ts";
import { freePort } from "./children.ts";
import { type Gateway, once, startGateway } from "./gateway.ts";
import type { Way } from "./load_program.ts";
import { startHaproxy } from "./peers/haproxy.ts";
import { hasNginx, nginxPair, startNginx } from "./peers/nginx.ts";
import { startSquid } from "./peers/squid.ts";
import { sshArgs, startSshdPeer } from "./peers/sshd.ts";
import { startStunnel } from "./peers/stunnel.ts";

const PUBLIC_PORT = 1;
const PRIVATE_PORT = 2;
const PERSON = { name: "bench", groups: ["engineering"] };

const WORKERS = { name: "workers", tree: null, yaml: "workers: 2\n" };

/** Starts what a way leads through, the first time, and tells the way; `null` when it is not installed. */
export type WayMaker = () => Promise<Way | null>;

/** All ways of TCP to the service, by name. */
export type TcpWays = ReadonlyMap<string, WayMaker>;

/** Everything that is measured with TCP. Nothing is started before it is asked for. */
export function tcpWays(scene: Scene): TcpWays {
  const { ports } = scene.load;
  const always = (way: Way): WayMaker => () => Promise.resolve(way);
  const squid = once(() => startSquid(scene, { name: "open" }));
  const asking = once(() => startSquid(scene, { name: "asking", asks: true }));
  const haproxy = once(() => startHaproxy(scene, { name: "open", to: ports.tcp }));
  const verifying = once(() => startHaproxy(scene, { name: "verifying", to: ports.tcp, verifies: true }));
  const stunnel = once(() => startStunnel(scene));
  const nginx = once(() => startNginxStream(scene));
  return new Map<string, WayMaker>([
    ["direct TCP", always({ port: ports.tcp, isTls: false, pids: [] })],
    ["direct TLS", always({ port: ports.tls, isTls: true, pids: [] })],
    ["direct TLS resumed", always({ port: ports.tls, isTls: true, isResumed: true, pids: [] })],
    ...sallyportWays(scene, { label: "sallyport", tree: null }),
    ["sallyport two workers", once(() => startWithSession(scene, WORKERS))],
    ...Object.entries(scene.trees).flatMap(([label, tree]) => sallyportWays(scene, { label, tree })),
    ["squid", squid],
    ["squid resumed", with_(squid, { isResumed: true })],
    ["squid basic auth", asking],
    ["HAProxy", haproxy],
    ["HAProxy resumed", with_(haproxy, { isResumed: true })],
    ["HAProxy client certificate", with_(verifying, { hasCertificate: true })],
    ["stunnel", stunnel],
    ["nginx stream", nginx],
    ["nginx stream resumed", with_(nginx, { isResumed: true })],
    ["ssh -L", once(() => startSshForward(scene))],
  ]);
}

function with_(make: WayMaker, more: Partial<Way>): WayMaker {
  return async () => {
    const way = await make();
    return way === null ? null : { ...way, ...more };
  };
}

function sallyportWays(
  scene: Scene,
  { label, tree }: { label: string; tree: string | null },
): [string, WayMaker][] {
  const open = once(() => startWithSession(scene, { name: `${label}-open`, tree, yaml: "" }));
  const asking = once(() =>
    startWithSession(scene, {
      name: `${label}-asking`,
      tree,
      yaml: `downstream_mtls: { ca_file: ${scene.workspace.caFile}, enforcement: reject_connection }\n`,
    })
  );
  // A process of its own, as memory that was used once is not given back.
  const multiplexed = once(() => startWithSession(scene, { name: `${label}-h2`, tree, yaml: "" }));
  const anyone = async () => {
    const { header: _, ...way } = await open();
    return { ...way, authority: `bench.localhost:${PUBLIC_PORT}` };
  };
  return [
    [label, open],
    [`${label} no session`, anyone],
    [`${label} resumed`, with_(open, { isResumed: true })],
    [`${label} client certificate`, with_(asking, { hasCertificate: true })],
    [`${label} h2`, with_(multiplexed, { http: "h2" })],
    [`${label} h3`, with_(open, { http: "h3" })],
  ];
}

async function startWithSession(
  scene: Scene,
  { yaml, ...options }: { name: string; tree: string | null; yaml: string },
): Promise<Way> {
  const to = `tcp://127.0.0.1:${scene.load.ports.tcp}`;
  const gateway: Gateway = await startGateway(scene, {
    ...options,
    yaml: `${yaml}codec_type: http3
routes:
  - from: tcp+https://bench.localhost:${PUBLIC_PORT}
    to: ${to}
    allow_public_unauthenticated_access: true
  - from: tcp+https://bench.localhost:${PRIVATE_PORT}
    to: ${to}
    policy:
      - allow:
          and:
            - email: { is: ${PERSON.name}@example.com }
            - groups: { has: ${PERSON.groups[0]} }
`,
  });
  const [token] = await gateway.signIn([PERSON]);
  return {
    ...{ port: gateway.port, isTls: true, pids: gateway.pids },
    authority: `bench.localhost:${PRIVATE_PORT}`,
    header: `Authorization: Pomerium ${token}`,
  };
}

async function startNginxStream(scene: Scene): Promise<Way | null> {
  if (!hasNginx(scene, { stream: true })) return null;
  const port = freePort();
  const stream = `server {
    listen 127.0.0.1:${port} ssl;
    ${nginxPair(scene)}
    ssl_session_tickets on;
    tcp_nodelay on;
    proxy_pass 127.0.0.1:${scene.load.ports.tcp};
  }`;
  const child = await startNginx(scene, { name: "stream", port, stream, side: "tested" });
  return { port, isTls: true, pids: [child.pid] };
}

/** The client is on the side of the load. */
async function startSshForward(scene: Scene): Promise<Way | null> {
  const sshd = await startSshdPeer(scene);
  if (sshd === null) return null;
  const port = freePort();
  const forward = `127.0.0.1:${port}:127.0.0.1:${scene.load.ports.tcp}`;
  const args = sshArgs(sshd.user, {
    port: sshd.port,
    args: ["-N", "-L", forward, `${sshd.login}@127.0.0.1`],
  });
  const client = scene.programs.start({ command: "ssh", args });
  await client.accepting(port, 10_000);
  return { port, isTls: false, pids: sshd.pids };
}
