// @ts-types="@types/ssh2"
import ssh2, { type Connection, type Server, type ServerConfig } from "ssh2";
import type { AddressInfo } from "node:net";
import type { Clock } from "../../../lib/base/clock.ts";
import { systemClock } from "../../../lib/base/clock.ts";
import { denoStream } from "../../../lib/base/deno_stream.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import type { Route, Upstream } from "../../../lib/config/config.ts";
import { jsonLog } from "../../../lib/observe/log.ts";
import { ClientConnection } from "../../../lib/ssh/client_connection.ts";
import type { RouteSession, SessionRecorder, SshGranted, SshLogin } from "../../../lib/ssh/handlers.ts";
import { SshRouteSessions } from "../../../lib/ssh/routes/route_sessions.ts";
import type { SshRouteServices } from "../../../lib/ssh/routes/services.ts";
import { openUserAuthority } from "../../../lib/ssh/routes/user_authority.ts";
import { openSqliteStore } from "../../../lib/store/sqlite_store.ts";
import type { TunnelCounters } from "../../../lib/tunnel/registry.ts";
import type { TunnelEndReason } from "../../../lib/tunnel/tunnel_end.ts";

const AUTHORITY = ssh2.utils.generateKeyPairSync("ed25519").private;
const HOST_KEY = ssh2.utils.generateKeyPairSync("ed25519").private;

/** Who asks for what in these tests. */
export const LOGIN = {
  connectionId: "connection-1",
  username: "ada",
  routeName: "box",
  ip: "192.0.2.1",
  caller: { session: { sessionId: "session-1" } },
} as unknown as SshLogin;

/** What ssh2 keeps to itself. */
// deno-lint-ignore no-explicit-any
export const internals = (end: unknown) => end as any;

/** A server of ssh2 on loopback, which lets everybody in. */
export class TestServer implements Disposable {
  readonly server: Server;
  readonly connection: Promise<Connection>;

  constructor(options: Partial<ServerConfig> = {}) {
    const { promise, resolve } = Promise.withResolvers<Connection>();
    this.connection = promise;
    this.server = new ssh2.Server({ hostKeys: [HOST_KEY], ...options }, (connection) => {
      connection.on("authentication", (context) => context.accept());
      connection.on("error", () => {});
      connection.on("ready", () => resolve(connection));
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return (this.server.address() as AddressInfo).port;
  }

  [Symbol.dispose](): void {
    this.server.close();
  }
}

/** What a session is opened with. */
export interface OpenOptions {
  readonly port: number;
  readonly clock?: Clock;
  readonly recorder?: SessionRecorder | null;
  readonly route?: Partial<Route>;
  readonly lines?: Record<string, unknown>[];
}

/** Opens a session at the server on this port, without a gateway. */
export async function openSession(options: OpenOptions): Promise<RouteSession> {
  const { port, clock = systemClock, recorder = null, lines = [] } = options;
  const route = {
    id: "route-1",
    name: "box",
    sshHostKeys: null,
    isRecorded: recorder !== null,
    ...options.route,
  } as Route;
  const upstream = {
    url: `ssh://127.0.0.1:${port}`,
    scheme: "ssh",
    host: "127.0.0.1",
    port,
    weight: 1,
  } as Upstream;
  const pool = {
    connect: async () => ({
      stream: denoStream(await Deno.connect({ hostname: "127.0.0.1", port })),
      upstream,
      address: `127.0.0.1:${port}`,
      done: () => {},
    }),
  };
  const sessions = new SshRouteSessions({
    upstreams: { of: () => pool },
    store: await openSqliteStore({ path: ":memory:" }),
    userAuthority: openUserAuthority(AUTHORITY),
    clock,
    random: systemRandom,
    log: jsonLog({ level: "debug", sink: (line) => lines.push(JSON.parse(line)), now: Date.now }),
    recorder,
  } as unknown as SshRouteServices);
  return await sessions.open(LOGIN, { route, grant: {} } as SshGranted);
}

/** A session that is served to a client of ssh2. */
export interface ServedSession extends AsyncDisposable {
  readonly client: ssh2.Client;
  /** The end of the gateway toward the client. */
  readonly gateway: Connection;
  /** The server of the route. */
  readonly server: Connection;
  readonly counters: TunnelCounters;
  readonly ended: Promise<TunnelEndReason>;
  /** Ends it as the registry does. */
  end(reason: TunnelEndReason): void;
}

/**
 * Serves a session between a client and a server of ssh2.
 *
 * @param options `gateway`: of the end toward the client; `onServer`: prepares the server of the route
 */
export async function serveSession(options: {
  gateway?: Partial<ServerConfig>;
  onServer?: (connection: Connection) => void;
  recorder?: SessionRecorder | null;
} = {}): Promise<ServedSession> {
  const resources = new AsyncDisposableStack();
  const upstream = resources.use(new TestServer());
  const session = resources.use(
    await openSession({ port: await upstream.listen(), recorder: options.recorder ?? null }),
  );
  const server = await upstream.connection;
  options.onServer?.(server);
  const front = resources.use(new TestServer({ keepaliveInterval: 0, ...options.gateway }));
  const client = new ssh2.Client();
  client.on("error", () => {});
  resources.defer(() => void client.destroy());
  client.connect({ host: "127.0.0.1", port: await front.listen(), username: "ada", password: "any" });
  const ready = new Promise<void>((resolve) => client.once("ready", () => resolve()));
  const gateway = await front.connection;
  const abort = new AbortController();
  const counters = { bytesUp: 0, bytesDown: 0, packetsUp: 0, packetsDown: 0 };
  const ended = session.serve(new ClientConnection(gateway, systemClock), {
    counters,
    signal: abort.signal,
    whenEnded: (end) => abort.signal.addEventListener("abort", () => end(abort.signal.reason)),
  });
  await ready;
  return {
    client,
    gateway,
    server,
    counters,
    ended,
    end: (reason) => abort.abort(reason),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
