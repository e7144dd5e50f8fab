import type { AuthorityPattern, RouteFrom, RouteProtocol } from "./config.ts";
import { RouteUrlError } from "./route_url_error.ts";
import { hostAndPort, splitUrl, type UrlParts } from "./_split_url.ts";

const EXAMPLE = "tcp+https://db.example.com:5432";
const MAX_DESTINATIONS = 64;
const PROTOCOLS: ReadonlyMap<string, RouteProtocol> = new Map([
  ["tcp+https", "tcp"],
  ["udp+https", "udp"],
  ["https", "http"],
  ["http", "http"],
  ["ssh", "ssh"],
]);

/** The scheme that stands in the `from` of a route of each protocol. */
export const SCHEMES: Readonly<Record<RouteProtocol, string>> = {
  tcp: "tcp+https",
  udp: "udp+https",
  http: "https",
  ssh: "ssh",
};

/** The protocol that the scheme of `text` names; `null` when it names none, or is no URL. */
export function protocolOf(text: unknown): RouteProtocol | null {
  const scheme = typeof text === "string" ? /^([a-z+]{1,16}):/i.exec(text)?.[1] : undefined;
  return PROTOCOLS.get(scheme?.toLowerCase() ?? "") ?? null;
}

/**
 * Reads the `from` of a route.
 *
 * `tcp+https://host:port` and `udp+https://host:port` answer to that destination; without a port, to every port of the
 * host. In the bastion form, `tcp+https://gateway:8443/host:port[/host2:port2...]`, the destinations are the segments
 * of the path, 1 to 64 of them. `https://host[:port]` and `http://host[:port]` have no path; `ssh://name` has no port
 * that counts. The host may hold `*`, except in the path.
 *
 * @param text at most 4096 characters; @param options `httpPort`: what an `https://host` without a port answers to;
 * `null`, the default: to every port
 * @throws {RouteUrlError} with the rule that was broken
 *
 * @example
 * ```ts
 * import { parseFrom } from "./from_url.ts";
 * const { gateway, destinations } = parseFrom("tcp+https://proxy.example.com:8443/redis.internal:6379");
 * if (gateway.port !== 8443 || destinations[0]?.host !== "redis.internal") throw new Error();
 * ```
 */
export function parseFrom(text: string, options: { httpPort?: number | null } = {}): RouteFrom {
  const url = splitUrl(text, { example: EXAMPLE });
  const protocol = PROTOCOLS.get(url.scheme);
  if (protocol === undefined) throw unknownScheme(url.scheme);
  if (url.rest !== "") {
    const hint = "remove what begins with ? or #";
    throw new RouteUrlError("route-url/query", "The URL has a query or a fragment", { hint });
  }
  const host = parsePattern(url.authority);
  if (protocol === "tcp" || protocol === "udp") return tunnelFrom(text, { url, protocol, host });
  if (url.path !== "" && url.path !== "/") {
    const hint = protocol === "http" ? "use the keys path or prefix of the route" : undefined;
    throw new RouteUrlError("route-url/path", `A ${url.scheme} URL has no path here`, { hint });
  }
  const known = { host: host.host, port: protocol === "ssh" ? null : host.port ?? options.httpPort ?? null };
  return frozen({ url: text, protocol, gateway: known, destinations: [known] });
}

function tunnelFrom(
  text: string,
  { url, protocol, host }: { url: UrlParts; protocol: RouteProtocol; host: AuthorityPattern },
): RouteFrom {
  const segments = url.path.replace(/^\//, "").replace(/\/$/, "");
  if (segments === "") {
    // The port names the service. The gateway itself is reached at whatever port it listens on.
    return frozen({ url: text, protocol, gateway: { host: host.host, port: null }, destinations: [host] });
  }
  const destinations = segments.split("/");
  if (destinations.length > MAX_DESTINATIONS) {
    throw new RouteUrlError("route-url/too-many", `The URL names more than ${MAX_DESTINATIONS} destinations`);
  }
  return frozen({ url: text, protocol, gateway: host, destinations: destinations.map(parseDestination) });
}

function frozen(from: RouteFrom): RouteFrom {
  for (const pattern of [from.gateway, ...from.destinations]) Object.freeze(pattern);
  Object.freeze(from.destinations);
  return Object.freeze(from);
}

function parseDestination(segment: string): AuthorityPattern {
  if (segment.includes("*")) {
    const hint = "a * may only stand in the host before the path";
    throw new RouteUrlError("route-url/wildcard", "A destination in the path has a wildcard", { hint });
  }
  return parsePattern(segment);
}

function parsePattern(text: string): AuthorityPattern {
  // With letters in place of its wildcards, a pattern has the shape of a host.
  const { host, port } = hostAndPort(text.replaceAll("*", "x"));
  const isPattern = text.includes("*");
  const written = isPattern ? text.replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase() : host;
  return { host: written, port: port === 0 ? null : port };
}

function unknownScheme(scheme: string): RouteUrlError {
  const hint = `use one of ${[...PROTOCOLS.keys()].join(", ")}`;
  return new RouteUrlError("route-url/scheme", `${scheme.slice(0, 40)} is not a scheme of from`, { hint });
}
