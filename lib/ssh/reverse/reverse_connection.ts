import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Route } from "../../config/config.ts";
import type { AuditTrail } from "../../observe/audit.ts";
import type { Publications, Publishable } from "../../tunnel/publications.ts";
import type { TunnelEndReason } from "../../tunnel/tunnel_end.ts";
import type { EndpointState } from "../../upstream/endpoint.ts";
import type { Publishers } from "../../upstream/publishers.ts";
import { SSH_PORT, subjectOf } from "../authorize.ts";
import type {
  ForwardRequest,
  PublishedRoute,
  ReverseConnection,
  SshClient,
  SshLogin,
  TunnelModel,
} from "../handlers.ts";
import { ConnectionLog } from "./_connection_log.ts";
import { type GrantedForward, RoutePublisher } from "./_route_publisher.ts";
import { asksFor, canonicalForward, isDynamic, type WantedForward } from "./wanted_forward.ts";

/** What publishing over SSH works with. */
export interface ReverseServices {
  /** Knows who may publish what. */
  readonly publications: Publications;
  /** Who publishes what. */
  readonly publishers: Publishers;
  /** How the services of a route do. */
  readonly states: (route: Route) => readonly EndpointState[];
  /** For virtual ports. */
  readonly random: Random;
  /** Time. */
  readonly clock: Clock;
  /** Where it is written down what is published. */
  readonly audit: AuditTrail;
}

/** The connection that publishes. */
export interface ReverseConnectionOptions {
  /** The client. */
  readonly client: SshClient;
  /** Who has signed in. */
  readonly login: SshLogin;
  /** What it works with. */
  readonly services: ReverseServices;
}

const MAX_FORWARDS = 128;
const MAX_ADDRESS_LENGTH = 255;
const FIRST_VIRTUAL_PORT = 32_768;

interface Published {
  readonly publisher: RoutePublisher;
  readonly registration: Disposable;
  readonly publishable: Publishable;
  readonly startedMs: number;
}

/** What one SSH connection publishes: as much of what it asks for as its user may, at any time. */
export class SshReverseConnection implements ReverseConnection {
  /** {@inheritDoc ReverseConnection.model} */
  readonly model: TunnelModel;
  readonly #options: ReverseConnectionOptions;
  readonly #log: ConnectionLog;
  readonly #candidate: Disposable;
  readonly #published = new Map<string, Published>();
  /** Of requests that were cancelled while connections were open. */
  readonly #cancelled = new Map<RoutePublisher, string>();
  #forwards: readonly GrantedForward[] = [];
  #routes: readonly Publishable[] = [];

  /** Publishes nothing before something is asked for. */
  constructor(options: ReverseConnectionOptions) {
    this.#options = options;
    const { login, services: { publications, clock } } = options;
    this.#log = new ConnectionLog(() => clock.now());
    this.model = this.#modelOf();
    const isActive = () => this.isActive;
    this.#candidate = publications.add({
      get isActive() {
        return isActive();
      },
      sessionId: login.caller.session.sessionId,
      sessionExpiresAt: login.caller.sessionExpiresAt,
      ip: login.ip,
      ssh: login.ssh,
      clientCertificates: null,
      onRoutes: (routes, why) => {
        this.#routes = routes;
        this.#apply(why);
      },
    });
  }

  /** {@inheritDoc ReverseConnection.isActive} */
  get isActive(): boolean {
    return this.#forwards.length > 0;
  }

  /** {@inheritDoc ReverseConnection.request} */
  request(wanted: WantedForward): ReturnType<ReverseConnection["request"]> {
    const fault = this.#faultOf(wanted);
    if (fault !== null) {
      this.#log.say("warn", fault);
      return Promise.resolve({ ok: false, reason: fault });
    }
    const port = isDynamic(wanted) ? this.#virtualPort() : wanted.bindPort;
    this.#forwards = [...this.#forwards, { ...wanted, port, hasWorked: false, isCorrected: false }];
    this.#apply("completed");
    return Promise.resolve({ ok: true, port });
  }

  /** {@inheritDoc ReverseConnection.cancel} */
  cancel({ bindAddr, bindPort }: WantedForward): Promise<boolean> {
    const left = this.#forwards.filter((one) => one.bindAddr !== bindAddr || one.port !== bindPort);
    const isKnown = left.length < this.#forwards.length;
    this.#forwards = left;
    if (isKnown) this.#apply("completed");
    return Promise.resolve(isKnown);
  }

  /** Publishes nothing any more. */
  [Symbol.dispose](): void {
    this.#candidate[Symbol.dispose]();
    this.#forwards = [];
    this.#apply("completed");
  }

  #faultOf(wanted: WantedForward): string | null {
    const { bindAddr, bindPort } = wanted;
    const name = `${bindAddr}:${bindPort}`;
    if (bindAddr.length > MAX_ADDRESS_LENGTH) {
      return `The address to publish is longer than ${MAX_ADDRESS_LENGTH}`;
    }
    if (this.#forwards.length >= MAX_FORWARDS) {
      return `${name} is not published: there are ${MAX_FORWARDS} requests already`;
    }
    const canonical = canonicalForward(wanted);
    const twin = this.#forwards.find((one) => canonicalForward(one) === canonical);
    return twin === undefined
      ? null
      : `${name} is not published: ${twin.bindAddr}:${twin.bindPort} asks for the same`;
  }

  #virtualPort(): number {
    for (;;) {
      const [high, low] = this.#options.services.random.bytes(2);
      const port = FIRST_VIRTUAL_PORT + ((high! << 8 | low!) & (FIRST_VIRTUAL_PORT - 1));
      if (this.#forwards.every((one) => one.port !== port)) return port;
    }
  }

  /** Has exactly that published which is asked for and allowed. @param reason why something is not any more */
  #apply(reason: TunnelEndReason): void {
    const wanted = new Map(this.#routes.flatMap((publishable) => {
      const forward = this.#forwards.find((one) => asksFor(one, publishable.route));
      return forward === undefined ? [] : [[publishable.route.id, { publishable, forward }] as const];
    }));
    for (const [id, published] of this.#published) {
      if (wanted.get(id)?.forward === published.publisher.forward) continue;
      this.#published.delete(id);
      const isServed = reason === "completed" || this.#options.services.publications.serves(id);
      this.#end(published, isServed ? reason : "route-removed");
    }
    for (const [publisher, routeId] of this.#cancelled) {
      if (!this.#routes.some(({ route }) => route.id === routeId)) publisher.closeAll();
      if (!publisher.isBusy) this.#cancelled.delete(publisher);
    }
    for (const [id, { publishable, forward }] of wanted) {
      if (!this.#published.has(id)) this.#published.set(id, this.#publish(publishable, forward));
    }
    this.#log.changed();
  }

  #publish(publishable: Publishable, forward: GrantedForward): Published {
    const { client, login, services: { publishers, audit, clock } } = this.#options;
    const { route, decision } = publishable;
    const id = `ssh:${login.connectionId}`;
    const publisher = new RoutePublisher({ id, route, forward, client, log: this.#log, clock });
    const registration = publishers.add(route.id, publisher);
    audit.decided({
      ...this.#subject(route),
      opened: true,
      status: 200,
      error: null,
      allow: decision.allow,
      deny: decision.deny,
      upstream: id,
    });
    this.#log.say("info", `${route.from.url} is published`);
    return { publisher, registration, publishable, startedMs: clock.monotonic() };
  }

  /** Connections that a user no longer may carry end; those of a `-R` that is cancelled go on. */
  #end(
    { publisher, registration, publishable: { route }, startedMs }: Published,
    reason: TunnelEndReason,
  ): void {
    const { services: { audit, clock } } = this.#options;
    registration[Symbol.dispose]();
    if (reason !== "completed") publisher.closeAll();
    else if (publisher.isBusy) this.#cancelled.set(publisher, route.id);
    const durationMs = Math.round(clock.monotonic() - startedMs);
    const end = { ...publisher.counters, reason, detail: null, durationMs, upstream: publisher.id };
    audit.ended({ ...this.#subject(route), ...end });
    this.#log.say("info", `${route.from.url} is not published any more`);
  }

  #subject(route: Route) {
    const { login } = this.#options;
    const { host, port } = route.from.destinations[0]!;
    const target = { host, port: port ?? (route.from.protocol === "ssh" ? SSH_PORT : 443) };
    return subjectOf(login, { method: "PUBLISH", target, route });
  }

  #modelOf(): TunnelModel {
    const requests = () => this.#forwards.map((forward) => this.#requestOf(forward));
    const routes = () => this.#routes.flatMap(({ route }) => this.#routeOf(route));
    const log = this.#log;
    return {
      get connections() {
        return log.connections;
      },
      get requests() {
        return requests();
      },
      get routes() {
        return routes();
      },
      get messages() {
        return log.messages;
      },
      onChange: (listener) => log.onChange(listener),
    };
  }

  #requestOf(forward: GrantedForward): ForwardRequest {
    const all = isDynamic(forward) &&
      canonicalForward(forward) === canonicalForward({ bindAddr: "", bindPort: 0 });
    const routes =
      [...this.#published.values()].filter(({ publisher }) => publisher.forward === forward).length;
    return {
      hostname: all ? "" : forward.bindAddr,
      port: forward.port,
      isDynamic: isDynamic(forward),
      routes,
    };
  }

  #routeOf(route: Route): readonly PublishedRoute[] {
    // Nothing in SSH carries datagrams.
    if (route.from.protocol === "udp") return [];
    const published = this.#published.get(route.id);
    const health = published === undefined ? null : this.#healthOf(route, published.publisher.id);
    const isActive = published === undefined ? null : health !== "unhealthy";
    return [{ isActive, health, remote: route.from.url, local: route.to[0]?.url ?? "" }];
  }

  #healthOf(route: Route, publisherId: string): PublishedRoute["health"] {
    if (route.healthChecks.length === 0) return null;
    const states = this.#options.services.states(route).filter(({ publisher }) => publisher === publisherId);
    const count = (wanted: EndpointState["health"]) =>
      states.filter(({ health }) => health === wanted).length;
    if (count("unhealthy") > 0) return count("unhealthy") === states.length ? "unhealthy" : "degraded";
    return count("healthy") > 0 ? "healthy" : "unknown";
  }
}
