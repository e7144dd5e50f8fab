import { ClientError } from "./client_error.ts";
import { type GatewayAddress, gatewayOrigin } from "./gateway_address.ts";
import { askGateway } from "./gateway_http.ts";
import type { SessionQuery } from "./session.ts";

/** A route that a gateway opens to somebody. */
export interface ListedRoute {
  /** Stays the same as long as the route does. */
  readonly id: string;
  /** What it is called. */
  readonly name: string;
  /** `tcp`, `udp`, `http` or `ssh`; another gateway may know more. */
  readonly type: string;
  /** What it answers to. */
  readonly from: string;
  /** What it is for; may be empty. */
  readonly description: string;
  /** Whether it can be used now; a gateway that does not say so means yes. */
  readonly isAvailable: boolean;
}

/** Ten thousand routes with a description each. */
const MAX_LIST_BYTES = 8 * 1024 * 1024;

/**
 * Asks the gateway which routes are open to whom the token belongs to.
 *
 * @returns the routes, and the answer of the gateway as it came; `null` when the gateway does not know the token
 * @throws {ClientError} `client/unexpected-status`, `client/bad-response`, and the codes of {@link askGateway}
 */
export async function fetchRoutes(
  gateway: GatewayAddress,
  { token, ...query }: SessionQuery,
): Promise<{ readonly routes: readonly ListedRoute[]; readonly answer: unknown } | null> {
  const { status, text } = await askGateway(gateway, {
    ...query,
    path: "/.pomerium/api/v1/routes",
    headers: { accept: "application/json", authorization: `Pomerium ${token}` },
    maxBodyBytes: MAX_LIST_BYTES,
  });
  if (status === 401 || (status >= 300 && status <= 399)) return null;
  const origin = gatewayOrigin(gateway);
  if (status !== 200) {
    const message = status === 404
      ? `The gateway ${origin} has no list of routes`
      : `The gateway ${origin} answered with status ${status}`;
    throw new ClientError("client/unexpected-status", message, { status });
  }
  const answer = parsed(text);
  const routes = listOf(answer);
  if (routes === null) {
    throw new ClientError("client/bad-response", `The gateway ${origin} did not answer with routes`);
  }
  return { routes, answer };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function listOf(answer: unknown): ListedRoute[] | null {
  const routes = isRecord(answer) ? answer.routes : null;
  if (!Array.isArray(routes) || !routes.every(isRecord)) return null;
  return routes.map((route) => ({
    id: textOf(route.id),
    name: textOf(route.name),
    type: textOf(route.type),
    from: textOf(route.from),
    description: textOf(route.description),
    isAvailable: route.available !== false,
  }));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
