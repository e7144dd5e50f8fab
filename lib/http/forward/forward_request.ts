import type { Context } from "hono";
import { plainAddress } from "../../base/ip.ts";
import { errorMessage } from "../../base/errors.ts";
import { CodecError } from "../../codec/codec_error.ts";
import type { TunnelCounters } from "../../tunnel/registry.ts";
import type { TunnelEndReason } from "../../tunnel/tunnel_end.ts";
import { DialError } from "../../upstream/dial_error.ts";
import type { Endpoint } from "../../upstream/endpoint.ts";
import type { Lease } from "../../upstream/upstream_pool.ts";
import { altSvcFor } from "../alt_svc.ts";
import { entryOf, type Granted, refused, subjectOf } from "../authorize.ts";
import type { HttpEnv } from "../env.ts";
import type { Exchange, Forward, RawHeaders } from "../exchange.ts";
import { fieldPairs } from "../raw_headers.ts";
import type { RequestContext } from "../request_context.ts";
import type { CleanTarget } from "../request_path.ts";
import { routingKey } from "../routing_key.ts";
import type { HttpServices } from "../services.ts";
import type { AnswerCode } from "../status.ts";
import { tunnelFacts, tunnelLimits } from "../tunnel_facts.ts";
import { viaOf } from "../via.ts";
import { askService } from "./_ask_service.ts";
import { isGrpc } from "./grpc.ts";
import { identityOf } from "./identity.ts";
import { requestHeaders } from "./request_headers.ts";
import { responseHeaders } from "./response_headers.ts";
import type { ServiceClients } from "./service_client.ts";
import type { ServiceRequest, ServiceResponse } from "./service_request.ts";
import { trailersOf } from "./trailers.ts";
import { serviceHost, servicePath } from "./service_target.ts";
import { writeResponse } from "./write_response.ts";

/** A request that a service shall answer. */
export interface Forwarded {
  /** The policy's yes. */
  readonly granted: Granted;
  /** Path and query. */
  readonly target: CleanTarget;
  /** What the caller asked for, as `host` or `host:port`. */
  readonly host: string;
}

/** An exchange that takes longer is in the registry, so that it ends with what allows it. */
const LIVE_AFTER_MS = 2000;
/** No service has more to say before its answer. */
const MAX_HINTS = 16;
/** A caller may go on sending for so long after the answer. */
const LINGER_MS = 30_000;

/** Has a service answer a request, by way of the edge. */
export function forwardRequest(
  c: Context<HttpEnv>,
  services: HttpServices,
  options: Forwarded & { clients: ServiceClients },
): Response {
  const via = viaOf(c, services);
  if (via === null) return refused(c, services, { code: "http/loop", known: options.granted });
  const refuse: Refuse = (refusal) => Promise.resolve(refused(c, services, refusal));
  c.env.forward(forwarder(c, services, { ...options, via, refuse }));
  return c.body(null, 200);
}

/** Makes the answer that no service has given, and its line in the trail. */
export type Refuse = (refusal: Parameters<typeof refused>[2]) => Promise<Response>;

/** How to forward a request. */
export interface ForwardingOptions extends Forwarded {
  /** Speak with services. */
  readonly clients: ServiceClients;
  /** The proxies on its way, this one included. */
  readonly via: string;
  /** Answers when no service does. */
  readonly refuse: Refuse;
}

/** What has a service answer an exchange, and then writes the line of the request into the log. */
export function forwarder(c: RequestContext, services: HttpServices, options: ForwardingOptions): Forward {
  const ended = c.get("tunnelOpened")();
  const startedMs = services.clock.monotonic();
  return async (exchange) => {
    const forwarding = new Forwarding(c, services, { ...options, exchange });
    const status = await forwarding.run();
    const durationMs = Math.round(services.clock.monotonic() - startedMs);
    ended({ bytesDown: forwarding.counters.bytesDown, durationMs, status });
  };
}

/** One exchange on its way. */
class Forwarding {
  /** Those of the registry, once it is in there. */
  counters = { bytesUp: 0, bytesDown: 0 };
  readonly #c: RequestContext;
  readonly #services: HttpServices;
  readonly #options: ForwardingOptions & { readonly exchange: Exchange };
  /** Why it ended early; `null` as long as it has not. */
  #endedBy: TunnelEndReason | null = null;
  /** Breaks off what goes on with the service. */
  readonly #asking = new AbortController();
  /** Called when the answer is over, or broken off. */
  #onFinished = () => {};
  /** Until it is in the registry. */
  #young: Disposable | null = null;
  #isFinished = false;
  /** Called when nothing more comes from the caller. */
  #onSent = () => {};
  #hints = 0;
  /** The one that was asked last. */
  #endpoint: Endpoint | null = null;
  #isSent = false;
  #isHeadSent = false;
  #isBodyBad = false;
  #deadline: Disposable | null = null;

  constructor(
    c: RequestContext,
    services: HttpServices,
    options: ForwardingOptions & { readonly exchange: Exchange },
  ) {
    this.#c = c;
    this.#services = services;
    this.#options = options;
  }

  /** @returns the status that was sent, or would have been */
  async run(): Promise<number> {
    const { exchange } = this.#options;
    exchange.signal.addEventListener("abort", () => {
      if (!this.#isFinished) this.#end("client-reset");
    });
    if (exchange.signal.aborted) this.#end("client-reset");
    let asked: { response: ServiceResponse; lease: Lease };
    try {
      asked = await this.#ask();
    } catch (error) {
      this.#finish();
      return await this.#fail(error);
    }
    const { response, lease } = asked;
    this.#trail(response.status, lease.endpoint);
    try {
      await this.#answer(response);
      lease.done({ status: response.status });
    } catch {
      lease.done(this.#endedBy === null ? "broken" : "unknown");
      this.#end("upstream-reset");
      exchange.abort();
    } finally {
      this.#finish();
    }
    if (!this.#isSent) this.#asking.abort();
    await this.#linger();
    return response.status;
  }

  /** Breaks off whatever is under way, for the client at once, too. */
  #end(reason: TunnelEndReason): void {
    if (this.#endedBy !== null) return;
    this.#endedBy = reason;
    this.#asking.abort();
    if (this.#isHeadSent) this.#options.exchange.abort();
  }

  /** A caller who is still sending what nobody wants any more would not see the answer if its connection were closed now. */
  async #linger(): Promise<void> {
    if (this.#isSent) return;
    const { clock } = this.#services;
    const { promise: over, resolve } = Promise.withResolvers<void>();
    using _timer = clock.timer(LINGER_MS, resolve);
    this.#options.exchange.signal.addEventListener("abort", () => resolve());
    this.#onSent = resolve;
    await over;
  }

  async #ask(): Promise<{ response: ServiceResponse; lease: Lease }> {
    const { granted, clients, exchange } = this.#options;
    const c = this.#c;
    const services = this.#services;
    const identity = await identityOf(c, services, granted);
    const headers = requestHeaders({
      received: exchange.headers,
      http: granted.route.http!,
      hygiene: services.config.http,
      cookieName: services.config.cookie.name,
      host: this.#options.host,
      peer: plainAddress(c.env.connection.peer.address),
      requestId: c.get("requestId"),
      via: this.#options.via,
      identityNames: identity.names,
      identity: identity.fields,
      set: identity.set,
    });
    return await askService({
      services,
      clients,
      granted,
      hashKey: routingKey(c, granted.caller),
      isGrpc: isGrpc(c.req.header("content-type")),
      requestFor: (endpoint) => this.#requestFor(endpoint, { headers, identityNames: identity.names }),
    });
  }

  #requestFor(
    endpoint: Endpoint,
    { headers, identityNames }: { headers: readonly string[]; identityNames: ReadonlySet<string> },
  ): ServiceRequest {
    const { granted: { route }, target, host, exchange } = this.#options;
    const c = this.#c;
    this.#watch(endpoint);
    const named = serviceHost(route.http!, {
      upstream: endpoint.upstream,
      host,
      path: target.path,
      header: (name) => c.req.header(name) ?? null,
    });
    if (named === null) throw new BadHost();
    return {
      method: exchange.method,
      path: servicePath(route.http!, target),
      host: named,
      headers,
      body: exchange.hasBody
        ? {
          read: () => this.#read(),
          get trailers() {
            return trailersOf(exchange.trailers, { also: identityNames });
          },
          waits: c.req.header("expect")?.toLowerCase() === "100-continue",
        }
        : null,
      signal: this.#asking.signal,
      onInform: (status, raw) => this.#inform(status, raw),
      onSent: (count) => (this.counters.bytesUp += count),
      onComplete: () => {
        this.#isSent = true;
        this.#onSent();
        this.#startDeadline();
      },
    };
  }

  /** What the caller does wrong is no fault of the service. */
  async #read(): Promise<Uint8Array | null> {
    try {
      return await this.#options.exchange.read();
    } catch (error) {
      this.#isBodyBad = error instanceof CodecError;
      if (!this.#isFinished) this.#end("client-reset");
      throw error;
    }
  }

  /** Of informational answers, only links to what the page needs go on (RFC 8297). */
  #inform(status: number, raw: RawHeaders): void {
    const links = fieldPairs(raw).filter(([name]) => name.toLowerCase() === "link");
    if (status !== 103 || links.length === 0 || this.#isHeadSent || ++this.#hints > MAX_HINTS) return;
    try {
      this.#options.exchange.inform(103, links.flat());
    } catch {
      // What is no link is no loss.
    }
  }

  /** The time to answer begins when there is something to answer. */
  #startDeadline(): void {
    const { requestTimeoutMs } = this.#options.granted.route.http!;
    if (requestTimeoutMs === 0 || this.#isFinished) return;
    this.#deadline?.[Symbol.dispose]();
    this.#deadline = this.#services.clock.timer(requestTimeoutMs, () => {
      this.#end("time-limit");
    });
  }

  async #answer(response: ServiceResponse): Promise<void> {
    const { exchange, granted: { route } } = this.#options;
    this.#throwIfEnded();
    this.#isHeadSent = true;
    exchange.respond({
      status: response.status,
      headers: responseHeaders(response.headers, {
        http: route.http!,
        cookieName: this.#services.config.cookie.name,
        requestId: this.#c.get("requestId"),
        altSvc: altSvcFor(this.#c, this.#services),
      }),
      isLast: response.isLast,
      more: response.isReady,
    });
    if (response.isLast) return;
    for (let chunk = await response.read(); chunk !== null; chunk = await response.read()) {
      await exchange.write(chunk, { more: response.isReady });
      this.counters.bytesDown += chunk.length;
    }
    this.#throwIfEnded();
    await exchange.end(trailersOf(response.trailers));
  }

  #throwIfEnded(): void {
    if (this.#endedBy !== null) throw new Error(`The exchange was ended: ${this.#endedBy}`);
  }

  /** Answers that no service has answered. */
  async #fail(error: unknown): Promise<number> {
    const { exchange, granted } = this.#options;
    const requestId = this.#c.get("requestId");
    const reason = this.#endedBy;
    const badBody = this.#isBodyBad ? "http/bad-request" : null;
    const code = badBody ?? (reason === null ? codeOf(error) : codeOfEnd(reason));
    this.#services.log[reason === "client-reset" ? "debug" : "warn"]("service gave no answer", {
      "request-id": requestId,
      error: reason ?? errorMessage(error),
    });
    const upstream = error instanceof DialError ? error.address : null;
    const response = await this.#options.refuse({ code, known: granted, upstream });
    await writeResponse(exchange, response);
    return response.status;
  }

  #trail(status: number, { upstream }: Endpoint): void {
    this.#services.audit.decided({
      ...entryOf(this.#c, this.#options.granted),
      opened: true,
      status,
      error: null,
      upstream: upstream.url,
    });
  }

  /** What takes long is decided anew when something changes, and ends when it is no longer allowed. */
  #watch(endpoint: Endpoint): void {
    this.#endpoint = endpoint;
    this.#young ??= this.#services.clock.timer(LIVE_AFTER_MS, () => void this.#enter());
  }

  async #enter(): Promise<void> {
    const { granted } = this.#options;
    const endpoint = this.#endpoint!;
    const services = this.#services;
    const running = services.tunnels.run(tunnelFacts(this.#c, granted, endpoint.upstream), {
      // Its own time limit runs already.
      limits: { ...tunnelLimits(services, granted), maxDurationMs: services.config.timeouts.writeMs },
      move: (live) => this.#move(live),
    });
    if (services.live.mark !== granted.mark) void services.live.recheck(this.#c.get("requestId"));
    const end = await running;
    services.audit.ended({ ...subjectOf(this.#c, granted), ...end, upstream: endpoint.upstream.url });
  }

  async #move(
    { counters, signal }: { counters: TunnelCounters; signal: AbortSignal },
  ): Promise<TunnelEndReason> {
    this.counters = Object.assign(counters, this.counters);
    const end = () => this.#end(signal.reason);
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
    if (!this.#isFinished) await new Promise<void>((resolve) => (this.#onFinished = resolve));
    return this.#endedBy ?? "completed";
  }

  #finish(): void {
    this.#isFinished = true;
    this.#deadline?.[Symbol.dispose]();
    this.#young?.[Symbol.dispose]();
    this.#onFinished();
  }
}

/** What was made of a request to stand in `Host` is no host. */
class BadHost extends Error {}

function codeOf(error: unknown): AnswerCode {
  if (error instanceof DialError) return error.code;
  return error instanceof BadHost || error instanceof RangeError ? "http/bad-request" : "http/service-broken";
}

function codeOfEnd(reason: TunnelEndReason): AnswerCode {
  switch (reason) {
    case "time-limit":
    case "idle-timeout":
      return "http/service-timeout";
    case "client-reset":
    case "upstream-reset":
    case "upstream-removed":
    case "gateway-stopping":
      return "http/service-broken";
    case "store-unavailable":
      return "store/unavailable";
    default:
      return "http/denied";
  }
}
