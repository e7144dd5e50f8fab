import { formatAuthority } from "../base/authority.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { sharedTimers } from "../base/shared_timers.ts";
import { type Random, systemRandom } from "../base/random.ts";
import type { Config } from "../config/config.ts";
import type { LoadOptions } from "../config/load_config.ts";
import { createApp } from "../http/app.ts";
import type { HttpPublishers } from "../http/publish/publish.ts";
import { ServiceClients } from "../http/forward/service_client.ts";
import { directRoutes } from "../http/direct_routes.ts";
import { type EdgeOptions, HttpEdge } from "../http/edge.ts";
import { Http3Edge } from "../http/http3_edge.ts";
import type { HttpServices } from "../http/services.ts";
import { ActiveSessions } from "../identity/active_sessions.ts";
import { AttemptLimiter } from "../identity/attempt_limiter.ts";
import { BearerTokens } from "../identity/bearer_tokens.ts";
import { KeySignIns } from "../identity/key_sign_ins.ts";
import { LocalUsers } from "../identity/local_users.ts";
import { OcspClient } from "../identity/ocsp_client.ts";
import { PasswordHasher } from "../identity/password.ts";
import { providerIdOf } from "../identity/provider_ids.ts";
import { sessionFactsById } from "../identity/resolve_caller.ts";
import { SessionRefresher } from "../identity/session_refresher.ts";
import type { AuditTrail } from "../observe/audit.ts";
import type { Log } from "../observe/log.ts";
import type { ServerCertificates } from "../pki/server_certificates.ts";
import { Penalties } from "../ssh/penalties.ts";
import { LiveAuthorization } from "../tunnel/live_authorization.ts";
import { Publications, type PublicationsOptions } from "../tunnel/publications.ts";
import { TunnelRegistry } from "../tunnel/registry.ts";
import { UdpLimiter } from "../tunnel/udp_limiter.ts";
import { Publishers } from "../upstream/publishers.ts";
import { Activation } from "./activation.ts";
import { Http3Listener } from "./http3_listener.ts";
import { newInstance } from "./instance.ts";
import { LIMITS } from "./limits.ts";
import { GatewayListener } from "./listener.ts";
import { LiveServing } from "./live_serving.ts";
import { openStore } from "./open_store.ts";
import { Reloader } from "./reloader.ts";
import { serveControl } from "./serve_control.ts";
import { openStateDirectory } from "./state_directory.ts";
import { SshListener } from "./ssh_listener.ts";
import { sshServicesOf } from "./ssh_services.ts";
import { stopGateway } from "./stop_gateway.ts";
import { keepTunnelSessions } from "./tunnel_sessions.ts";
import { ConfigWatch } from "./config_watch.ts";
import { UpstreamPools } from "./upstream_pools.ts";
import { shareLimits } from "./workers/shared_limits.ts";
import { sharedHttp3 } from "./workers/shared_http3.ts";
import type { WorkerPlace } from "./workers/worker_place.ts";
import { WorkerSiblings } from "./workers/worker_siblings.ts";

/** What a gateway is started with. */
export interface GatewayOptions {
  /** What to serve. */
  readonly config: Config;
  /** Where it was read from, and can be read again when it changes; default: it is never read again. */
  readonly source?: LoadOptions & {
    /** The files that it consists of. */
    readonly files: readonly string[];
  };
  /** Version of the program, for the status; default: none. */
  readonly version?: string;
  /** Folder of keys, certificates and the database; made if it is not there. */
  readonly stateDirectory: string;
  /** Hears what happens. */
  readonly log: Log;
  /** Hears who did what. */
  readonly audit: AuditTrail;
  /** Which of several processes that share the port this is; default: it is alone. */
  readonly worker?: WorkerPlace;
  /** Default: the machine's own. */
  readonly clock?: Clock;
  /** Default: the platform's cryptographic generator. */
  readonly random?: Random;
}

/** A gateway that serves. Dispose it, or call `stop`, which is the same. */
export interface Gateway extends AsyncDisposable {
  /** Where it listens. */
  readonly address: { readonly hostname: string; readonly port: number };
  /** Where it listens for SSH; `null` when it does not. */
  readonly sshAddress: { readonly hostname: string; readonly port: number } | null;
  /** Such as `https://localhost:8443`, for a person on this machine. */
  readonly url: string;
  /** Certificate that clients must trust; `null` when certificates are configured. */
  readonly authorityFile: string | null;
  /** Path of the control socket. */
  readonly controlSocket: string;
  /** The people who sign in here with a password. */
  readonly users: LocalUsers;
  /** What is open. */
  readonly tunnels: TunnelRegistry;
  /** How the configuration is changed. */
  readonly reloader: Reloader;
  /** Connections that are open, tunnels included. */
  readonly openConnections: number;
  /** Accepts nothing more, gives tunnels and requests a second to finish, ends the rest, and closes everything. */
  stop(): Promise<void>;
}

/**
 * Starts a gateway: the only place where its parts are put together.
 *
 * @returns once it listens; the caller stops it
 * @throws {SallyportError} `gateway/…`, `store/…`, `pki/…`, `listen/…`: nothing is left running
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  await using starting = new AsyncDisposableStack();
  const { config, log, audit, worker, random = systemRandom } = options;
  const clock = sharedTimers(options.clock ?? systemClock);
  const state = await openStateDirectory(options.stateDirectory);
  const store = starting.use(
    await openStore(config, { state, storageKey: () => live.current.keys.storage, clock }),
  );
  const hasher = starting.use(new PasswordHasher({ random }));
  const ocsp = new OcspClient({ clock, log });
  const revision = worker?.revision ?? 1;
  const live = await LiveServing.start(config, { state, store, clock, random, ocsp, revision });
  const tunnels = new TunnelRegistry(clock);
  const users = new LocalUsers({ store, hasher, random, clock });
  const idleLimitMs = () => live.current.config.sessionIdleTimeoutMs;
  const sessions = new ActiveSessions({ store, idleLimitMs, clock, log });

  const bearer = new BearerTokens({
    authorityPem: () => live.current.config.certificateAuthorityPem,
    provider: () => live.current.provider,
    clock,
  });

  const decidedWith: Omit<PublicationsOptions, "routes"> = {
    store,
    session: async (id, route) => {
      const { config } = live.current;
      return bearer.sessionById(id, config.routes) ??
        await sessionFactsById(id, { store, clock, wanted: providerIdOf(config, route) });
    },
    certificates: () => live.current.clientCertificates,
    whenUnavailable: () => live.current.config.storeUnavailable,
    clock,
    log,
  };
  const authorization = starting.use(
    new LiveAuthorization({ ...decidedWith, tunnels, routes: () => live.current.routes }),
  );
  const publications = starting.use(
    new Publications({
      ...decidedWith,
      routes: () => live.current.config.allowsReverseTunnels ? live.current.config.routes : [],
    }),
  );
  const publishers = new Publishers();
  const httpPublishers: HttpPublishers = new Set();
  const siblings = worker === undefined ? null : starting.use(
    await WorkerSiblings.join({
      place: worker,
      config: () => live.current.config,
      publishers,
      httpPublishers,
      tunnels,
      clock,
      log,
    }),
  );
  const upstreams = starting.use(new UpstreamPools({ clock, log, publishers }));
  upstreams.follow(config);
  const limiter = new AttemptLimiter({ clock });
  const penalties = new Penalties(clock);
  if (worker !== undefined) starting.use(shareLimits(worker.link, { limiter, penalties }));
  const signIns = starting.use(new KeySignIns({ store, sessions, clock, random }));
  const services = live.services({
    signIns,
    listenPort: () => listener.address.port,
    sshPort: () => ssh.address?.port ?? null,
    altSvc: (hostname) => http3.altSvc(hostname),
    bearer,
    store,
    sessions,
    users,
    limiter,
    tunnels,
    udp: new UdpLimiter({ settings: () => live.current.config.udpLimits, clock }),
    upstreams,
    publishers,
    publications,
    ...(siblings === null ? {} : { siblings }),
    instance: worker?.instance ?? newInstance(random),
    live: authorization,
    clock,
    random,
    log,
    audit,
  });
  starting.use(
    new SessionRefresher({
      store,
      providers: () => live.current.providers.values(),
      onEnded: ({ id }) => void tunnels.endSession(id, "session-ended"),
      clock,
      log,
    }),
  );
  const clients = starting.use(new ServiceClients());
  const app = createApp(services, { clients, publishers: httpPublishers });
  const edgeOptions: EdgeOptions = {
    fetch: (request, bindings) => app.fetch(request, bindings),
    limits: {
      ...LIMITS.http,
      get headTimeoutMs() {
        return live.current.config.timeouts.readMs;
      },
      get idleTimeoutMs() {
        return live.current.config.timeouts.idleMs;
      },
    },
    clock,
    log,
  };
  const edge = new HttpEdge({ ...edgeOptions, direct: directRoutes(services, { clients }) });
  const http3Edge = new Http3Edge(edgeOptions);
  const listener = starting.use(
    new GatewayListener(live.current, {
      onConnection: edge.serve.bind(edge),
      sharesPort: worker !== undefined,
      clock,
      log,
    }),
  );
  const http3 = starting.use(
    new Http3Listener({
      mainPort: () => listener.address.port,
      onConnection: http3Edge.serve.bind(http3Edge),
      ...(worker === undefined ? {} : sharedHttp3(worker, starting)),
      clock,
      log,
    }),
  );
  await http3.follow(live.current);
  const signInOrigin = () => urlFor(live.current.config, listener.address.port);
  const ssh = starting.use(
    new SshListener({
      services: sshServicesOf({ services, live, signIns, signInOrigin, state, penalties }),
      sharesPort: worker !== undefined,
      clock,
      log,
    }),
  );
  await ssh.follow(live.current);
  const openConnections = () =>
    [listener, http3, ssh].reduce((sum, { openConnections }) => sum + openConnections, 0);
  warnOfExpired(live.current.certificates, { log, now: clock.now() });

  const activation = new Activation({
    live,
    listeners: [http3, listener, ssh],
    onServed: async (serving, cause) => {
      upstreams.follow(serving.config);
      warnOfExpired(serving.certificates, { log, now: clock.now() });
      await authorization.recheckAll(`${cause}, revision ${serving.revision}`);
      await publications.recheckAll();
    },
  });
  const source = options.source ?? { file: config.file, readTextFile: Deno.readTextFile };
  const watch = starting.use(new ConfigWatch({ isOn: () => live.current.config.hotReload, clock }));
  const activate = async (next: Config, { cause }: { cause: string }) => {
    const prepared = await activation.prepare(next);
    await prepared.commit(cause);
  };
  const reloader = new Reloader({
    source,
    activate,
    workers: config.workers,
    onFiles: (files) => watch.update(files),
    clock,
    log,
  });
  if (options.source !== undefined) {
    watch.start(options.source.files, () => void reloader.reload("file changed"));
  }

  const startedAt = clock.now();
  const status = () => ({
    version: options.version ?? "",
    pid: Deno.pid,
    startedAt,
    url: signInOrigin(),
    ssh: ssh.address === null
      ? null
      : formatAuthority({ host: ssh.address.hostname, port: ssh.address.port }),
    connections: openConnections(),
  });
  const control = starting.use(
    await serveControl({
      state,
      services,
      http: edge.figures,
      http3: () => http3Edge.figures,
      withdrawals: authorization.withdrawals,
      status,
      reloader,
      live,
      source,
      ...(worker === undefined ? {} : { worker: { place: worker, activation } }),
      log,
    }),
  );
  starting.use(sweepExpired(services));
  starting.use(keepTunnelSessions({ tunnels, publications, sessions, clock, log }));
  const resources = starting.move();
  let stopped: Promise<void> | null = null;
  const stop = () =>
    stopped ??= stopGateway({
      listeners: [listener, http3, ssh],
      edges: [edge, http3Edge, ssh],
      tunnels,
      resources,
      clock,
    });
  return {
    get address() {
      return listener.address;
    },
    get url() {
      return signInOrigin();
    },
    get sshAddress() {
      return ssh.address;
    },
    get authorityFile() {
      return live.current.authorityFile;
    },
    controlSocket: control.path,
    users,
    tunnels,
    reloader,
    get openConnections() {
      return openConnections();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Forgets what has expired, and ends sessions that were idle for too long, every ten minutes. */
function sweepExpired({ store, sessions, tunnels, publications, clock, log }: HttpServices): Disposable {
  let timer = clock.timer(LIMITS.sweepEveryMs, run);
  function run(): void {
    timer = clock.timer(LIMITS.sweepEveryMs, run);
    sweep().catch((error: Error) => log.warn("expired sessions not swept", { error: error.message }));
  }
  async function sweep(): Promise<void> {
    await store.sweep(clock.now());
    const publishing = new Set(publications.sessionIds());
    await sessions.endIdle((id) => publishing.has(id) || tunnels.ofSession(id).length > 0);
  }
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}

function warnOfExpired(certificates: ServerCertificates, options: { log: Log; now: number }): void {
  for (const { pair, notAfter } of certificates.certificates) {
    if (Number(notAfter) > options.now) continue;
    options.log.warn("server certificate has expired", {
      file: pair.source,
      "not-after": new Date(notAfter).toISOString(),
    });
  }
}

function urlFor(config: Config, port: number): string {
  if (config.authenticateOrigin !== null) return config.authenticateOrigin;
  const { hostname } = config.address;
  const isLocal = ["", "0.0.0.0", "::", "127.0.0.1", "::1", "localhost"].includes(hostname);
  return new URL(`https://${formatAuthority({ host: isLocal ? "localhost" : hostname, port })}`).origin;
}
