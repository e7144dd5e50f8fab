import { isLoopbackIp, parseIp } from "../base/ip.ts";
import type { HttpServices } from "./services.ts";

/** What decides which origins are the gateway's. */
export type OriginRules = Pick<HttpServices, "config" | "routes" | "certificateCovers" | "listenPort">;

/**
 * The origin that a request came to, if it is one of the gateway's. The `Host` of a request is the caller's to choose, and
 * sign-in sends sessions to the origin it names: so only names count that a route, a server certificate or
 * `authenticate_service_url` gives to the gateway, and loopback names, each on a port where the gateway is known to be
 * (443, where it listens, or as a route names it).
 *
 * @param url of the request
 * @returns the origin, such as `https://gateway.example.com:8443`, or `null`
 */
export function gatewayOrigin(url: URL, rules: OriginRules): string | null {
  const origin = `https://${url.host}`;
  if (origin === rules.config.authenticateOrigin) return origin;
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? 443 : Number(url.port);
  if (rules.routes.namesGateway(hostname, port)) return origin;
  const isOurPort = port === 443 || port === rules.listenPort();
  const isOurName = isLoopbackName(hostname) || rules.certificateCovers(hostname) ||
    rules.routes.namesGateway(hostname, null);
  return isOurPort && isOurName ? origin : null;
}

function isLoopbackName(hostname: string): boolean {
  if (hostname === "localhost") return true;
  const ip = parseIp(hostname);
  return ip !== null && isLoopbackIp(ip);
}
