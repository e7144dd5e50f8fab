import type { ByteStream } from "../../base/byte_stream.ts";
import { streamWith } from "../../base/stream_with.ts";
import type { Route } from "../../config/config.ts";
import type { Grant } from "../../policy/grant.ts";
import type { Endpoint } from "../../upstream/endpoint.ts";
import type { UpstreamConnection } from "../../upstream/upstream_connection.ts";
import type { UpstreamPool } from "../../upstream/upstream_pool.ts";
import { Http1Connections } from "./http1_connections.ts";
import { requestHttp1 } from "./http1_service.ts";
import { requestHttp2 } from "./http2_service.ts";
import { Http2Sessions, type StreamPlace } from "./http2_sessions.ts";
import type { ServiceRequest, ServiceResponse } from "./service_request.ts";

/** What a client connects through. */
export interface ServiceClientOptions {
  /** Opens connections. */
  readonly pool: UpstreamPool;
  /** The service. */
  readonly endpoint: Endpoint;
  /** Gets each connection that is open. */
  readonly connections: Set<ByteStream>;
}

/** Speaks HTTP with one service over connections that are kept; with one that is published, over one for each request. */
export class ServiceClient {
  readonly #options: ServiceClientOptions;
  readonly #http1: Http1Connections;
  readonly #sessions: Http2Sessions;

  /** Opens nothing before the first request. */
  constructor(options: ServiceClientOptions) {
    this.#options = options;
    // Who publishes a service is told with each connection whom it is for.
    const keeps = options.endpoint.publisher === null;
    this.#http1 = new Http1Connections((grant) => this.#open(grant, ["http/1.1"]), { keeps });
    this.#sessions = new Http2Sessions({ keeps });
  }

  /**
   * Sends a request: by HTTP/2 to an `h2c` service and, for gRPC, to one by TLS; else by HTTP/1.1.
   *
   * @throws {DialError} when no connection can be made
   * @throws {ServiceBroken} when there is no answer
   */
  async request(
    grant: Grant,
    request: ServiceRequest,
    { isGrpc }: { isGrpc: boolean },
  ): Promise<ServiceResponse> {
    const { scheme } = this.#options.endpoint.upstream;
    const isTls = scheme.startsWith("https");
    if (scheme === "h2c" || (isTls && isGrpc)) {
      const place = this.#sessions.take() ?? await this.#openSession(grant, isTls);
      if (place !== null) return await requestHttp2(place, request, { scheme: isTls ? "https" : "http" });
    }
    return await requestHttp1(request, { connections: this.#http1, grant });
  }

  /** @returns `null` when the service does not speak HTTP/2 */
  async #openSession(grant: Grant, isTls: boolean): Promise<StreamPlace | null> {
    const connection = await this.#open(grant, ["h2"]);
    if (!isTls || connection.alpn === "h2") return this.#sessions.add(connection);
    connection.stream.close();
    return null;
  }

  async #open(grant: Grant, alpn: readonly string[]): Promise<UpstreamConnection> {
    const { pool, endpoint, connections } = this.#options;
    const connection = await pool.open(grant, { endpoint, alpn });
    const { stream } = connection;
    connections.add(stream);
    const close = () => {
      connections.delete(stream);
      stream.close();
    };
    return { ...connection, stream: streamWith(stream, { close }) };
  }
}

/** The clients of all services of all routes; those of services that are no more go with them. Dispose it to disconnect. */
export class ServiceClients implements Disposable {
  readonly #connections = new Set<ByteStream>();
  readonly #clients = new WeakMap<
    Endpoint,
    { readonly tls: Route["upstreamTls"]; readonly client: ServiceClient }
  >();

  /** The client of a service; another one once the route has other settings for TLS. */
  of(route: Route, options: Omit<ServiceClientOptions, "connections">): ServiceClient {
    const known = this.#clients.get(options.endpoint);
    if (known?.tls === route.upstreamTls) return known.client;
    const client = new ServiceClient({ ...options, connections: this.#connections });
    this.#clients.set(options.endpoint, { tls: route.upstreamTls, client });
    return client;
  }

  /** Closes every connection. */
  [Symbol.dispose](): void {
    for (const stream of this.#connections) stream.close();
    this.#connections.clear();
  }
}
