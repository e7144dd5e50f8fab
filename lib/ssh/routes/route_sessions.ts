import type { TunnelEndReason } from "../../tunnel/tunnel_end.ts";
import type { PooledConnection } from "../../upstream/upstream_pool.ts";
import type {
  HandedShell,
  RecordingMeta,
  RouteSession,
  RouteSessions,
  SessionRecorder,
  SshClient,
  SshGranted,
  SshLogin,
} from "../handlers.ts";
import { FastCiphers } from "../fast_ciphers.ts";
import { runAdoptedShell } from "./_adopted_shell.ts";
import { HostKeys } from "./_host_keys.ts";
import { PayloadPort } from "./_payload_port.ts";
import { RecordedSessions } from "./_recorded_sessions.ts";
import { Relay } from "./_relay.ts";
import type { SshRouteServices } from "./services.ts";
import { SshRouteError } from "./ssh_route_error.ts";
import { UpstreamClient } from "./_upstream_client.ts";
import { mintUserCertificate } from "./_user_certificate.ts";

type Live = Parameters<RouteSession["serve"]>[1];

/** The servers behind `ssh://` routes: signs in there with a certificate that is minted for the connection. */
export class SshRouteSessions implements RouteSessions {
  readonly #services: Omit<SshRouteServices, "assertions" | "instance">;
  readonly #ciphers = new FastCiphers();

  /** Nothing is reached before it is asked for. */
  constructor(services: Omit<SshRouteServices, "assertions" | "instance">) {
    this.#services = services;
  }

  /**
   * See {@link RouteSessions.open}.
   *
   * @throws {SallyportError} `dial/…` when the server is not reached
   * @throws {SshRouteError} when it is, and cannot be used
   * @throws {StoreError} when what is known of its host key cannot be read
   */
  async open(login: SshLogin, { route, grant }: SshGranted): Promise<RouteSession> {
    const { upstreams, store, userAuthority: authority, clock, random, log, recorder } = this.#services;
    if (route.isRecorded && recorder === null) {
      const message = `Sessions of route ${route.name} have to be recorded, and nothing here records`;
      throw new SshRouteError("ssh/not-recorded", message);
    }
    const connection = await upstreams.of(route).connect(grant, { hashKey: login.caller.session.sessionId });
    const { upstream, address, stream } = connection;
    try {
      const hostKeys = await HostKeys.of(route, { upstream, keys: store.keys });
      const client = await UpstreamClient.signIn(stream, {
        url: upstream.url,
        username: login.username,
        hostKeys,
        mint: (kind) => mintUserCertificate({ authority, username: login.username, kind, clock, random }),
        ciphers: this.#ciphers,
        clock,
        log,
      });
      const meta = { login, routeId: route.id, routeName: route.name, upstream: address };
      return new OpenSession(client, { connection, meta, recorder: route.isRecorded ? recorder : null });
    } catch (error) {
      stream.close();
      throw error;
    }
  }
}

class OpenSession implements RouteSession {
  readonly #upstream: UpstreamClient;
  readonly #connection: PooledConnection;
  readonly #recorder: SessionRecorder | null;
  readonly #meta: Omit<RecordingMeta, "kind" | "pty">;

  constructor(upstream: UpstreamClient, { connection, recorder, meta }: {
    connection: PooledConnection;
    recorder: SessionRecorder | null;
    meta: Omit<RecordingMeta, "kind" | "pty">;
  }) {
    this.#upstream = upstream;
    this.#connection = connection;
    this.#recorder = recorder;
    this.#meta = meta;
  }

  get banner(): string {
    return this.#upstream.banner;
  }

  get upstreamUrl(): string {
    return this.#connection.upstream.url;
  }

  get address(): string {
    return this.#connection.address;
  }

  async serve(client: SshClient, { counters, signal }: Live): Promise<TunnelEndReason> {
    const upstream = this.#upstream;
    const ends = { client: new PayloadPort(client.connection), server: upstream.port };
    const recorder = this.#recorder;
    const watcher = recorder === null ? null : new RecordedSessions({ ...ends, recorder, meta: this.#meta });
    const relay = new Relay({ ...ends, counters, watcher });
    for (const payload of upstream.takeEarly()) relay.replay(payload);
    const reason = await firstOf([
      [signal, () => signal.reason],
      [client.closed, () => relay.isIdle ? "completed" : "client-reset"],
      [upstream.closed, () => relay.isIdle ? "completed" : "upstream-reset"],
    ]);
    relay.stop();
    await watcher?.end();
    await upstream[Symbol.asyncDispose]();
    return reason;
  }

  async adopt(shell: HandedShell, client: SshClient, { counters, signal }: Live): Promise<TunnelEndReason> {
    const upstream = this.#upstream;
    upstream.leaveToClient();
    const over = new AbortController();
    const running = runAdoptedShell(shell, {
      upstream: upstream.client,
      recorder: this.#recorder,
      meta: this.#meta,
      counters,
    });
    running.finally(() => over.abort());
    const reason = await firstOf([
      [signal, () => signal.reason],
      [over.signal, () => "completed"],
      [client.closed, () => "client-reset"],
      [upstream.closed, () => "upstream-reset"],
    ]);
    await upstream[Symbol.asyncDispose]();
    await running;
    return reason;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#upstream[Symbol.asyncDispose]();
    this.#connection.stream.close();
  }
}

/** What the first signal that is set comes to. */
async function firstOf(
  ways: readonly (readonly [signal: AbortSignal, reason: () => TunnelEndReason])[],
): Promise<TunnelEndReason> {
  const { promise, resolve } = Promise.withResolvers<TunnelEndReason>();
  using listeners = new DisposableStack();
  for (const [signal, reason] of ways) {
    const onAbort = () => resolve(reason());
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    listeners.defer(() => signal.removeEventListener("abort", onAbort));
  }
  return await promise;
}
