import { ClientError } from "./client_error.ts";
import { type GatewayAddress, gatewayOrigin } from "./gateway_address.ts";
import { askGateway, type GatewayRequest } from "./gateway_http.ts";

/** What every question to the gateway needs. */
export type SessionQuery = Pick<GatewayRequest, "trust" | "timeoutMs" | "signal"> & {
  readonly token: string;
};

/**
 * Asks the gateway who the token belongs to.
 *
 * @returns the claims, or `null` when the gateway does not know the token (any more)
 * @throws {ClientError} `client/unexpected-status`, `client/bad-response`, and the codes of {@link askGateway}
 */
export async function fetchUser(
  gateway: GatewayAddress,
  query: SessionQuery,
): Promise<Record<string, unknown> | null> {
  const { status, text } = await askGateway(
    gateway,
    requestOf(query, { method: "GET", path: "/.pomerium/user" }),
  );
  if (status === 401 || status === 404 || (status >= 300 && status <= 399)) return null;
  if (status !== 200) throw unexpected(gateway, status);
  const claims = parsedObject(text);
  if (claims === null) {
    throw new ClientError(
      "client/bad-response",
      `The gateway ${gatewayOrigin(gateway)} did not answer with claims`,
    );
  }
  return claims;
}

/**
 * Ends the session of the token at the gateway.
 *
 * @returns whether there was one
 * @throws {ClientError} `client/unexpected-status`, and the codes of {@link askGateway}
 */
export async function endSession(gateway: GatewayAddress, query: SessionQuery): Promise<boolean> {
  const request = requestOf(query, { method: "POST", path: "/.pomerium/api/v1/logout" });
  const { status } = await askGateway(gateway, request);
  if (status === 401) return false;
  if (status < 200 || status > 299) throw unexpected(gateway, status);
  return true;
}

function requestOf(
  { token, ...query }: SessionQuery,
  what: Pick<GatewayRequest, "path"> & { method: "GET" | "POST" },
): GatewayRequest {
  return {
    ...query,
    ...what,
    headers: { accept: "application/json", authorization: `Pomerium ${token}` },
  };
}

function unexpected(gateway: GatewayAddress, status: number): ClientError {
  const message = `The gateway ${gatewayOrigin(gateway)} answered with status ${status}`;
  return new ClientError("client/unexpected-status", message, { status });
}

function parsedObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as Record<string, unknown>
      : null;
  } catch {
    return null;
  }
}
