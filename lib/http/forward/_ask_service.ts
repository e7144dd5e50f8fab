import type { Granted } from "../authorize.ts";
import type { HttpServices } from "../services.ts";
import { DialError } from "../../upstream/dial_error.ts";
import type { Endpoint } from "../../upstream/endpoint.ts";
import type { Lease } from "../../upstream/upstream_pool.ts";
import type { ServiceClients } from "./service_client.ts";
import { ServiceBroken, type ServiceRequest, type ServiceResponse } from "./service_request.ts";

/** How to ask the services of a route. */
export interface AskOptions {
  /** Reach the services. */
  readonly services: HttpServices;
  /** Speak with them. */
  readonly clients: ServiceClients;
  /** The policy's yes. */
  readonly granted: Granted;
  /** What leads to the same service each time. */
  readonly hashKey: string;
  /** Whether HTTP/2 is needed. */
  readonly isGrpc: boolean;
  /** Makes the request for one of the services. */
  readonly requestFor: (endpoint: Endpoint) => ServiceRequest;
}

/** No request is sent more often, nor to more services. */
const MAX_ATTEMPTS = 4;

/**
 * Sends a request to one of the services of a route; to another when it cannot be reached, and once more when a connection
 * that was kept turns out to be closed.
 *
 * @returns the answer, and the lease of the service, which the caller says to be done
 * @throws {DialError} the last failure to connect
 * @throws {ServiceBroken} when there is no answer
 */
export async function askService(options: AskOptions): Promise<{ response: ServiceResponse; lease: Lease }> {
  const { services, clients, granted: { route, grant }, hashKey, isGrpc } = options;
  const pool = services.upstreams.of(route);
  const without = new Set<Endpoint>();
  let failure: unknown = null;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    let lease: Lease;
    try {
      lease = pool.acquire(grant, { hashKey, without });
    } catch (error) {
      throw failure ?? error;
    }
    const { endpoint } = lease;
    let request: ServiceRequest | null = null;
    try {
      request = options.requestFor(endpoint);
      const client = clients.of(route, { pool, endpoint });
      return { response: await client.request(grant, request, { isGrpc }), lease };
    } catch (error) {
      const isDial = error instanceof DialError;
      const isBroken = error instanceof ServiceBroken;
      lease.done(isBroken && request?.signal.aborted === false ? "broken" : "unknown");
      const isSafe = isDial ? error.code !== "dial/limit" : isBroken && error.isSafe;
      if (!isSafe || request?.signal.aborted !== false) throw error;
      if (isDial) without.add(endpoint);
      failure = error;
    }
  }
  throw failure;
}
