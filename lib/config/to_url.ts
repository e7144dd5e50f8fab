import type { Upstream } from "./config.ts";
import { RouteUrlError } from "./route_url_error.ts";
import { hostAndPort, splitUrl } from "./_split_url.ts";

const EXAMPLE = "tcp://10.0.0.5:5432";
const MAX_WEIGHT = 2 ** 32 - 1;
const DEFAULT_PORT = 80;
/** The schemes of `to`, and the port where it is not {@link DEFAULT_PORT}. */
const SCHEMES: ReadonlyMap<string, number> = new Map([
  ["tcp", DEFAULT_PORT],
  ["tls", 443],
  ["udp", DEFAULT_PORT],
  ["http", DEFAULT_PORT],
  ["https", 443],
  ["h2c", DEFAULT_PORT],
  ["ssh", 22],
  ["unix", 0],
  ["https+unix", 0],
]);

const TLS_SCHEMES: readonly string[] = ["tls", "https", "https+unix"];

/** Whether TLS is spoken with a service. */
export function speaksTls({ scheme }: Upstream): boolean {
  return TLS_SCHEMES.includes(scheme);
}

/** One `to`, and whether it says how much of the traffic it takes. */
export interface ParsedTo {
  /** The URL, taken apart. */
  readonly upstream: Upstream;
  /** Whether a weight was given. */
  readonly isWeighted: boolean;
}

/**
 * Reads one `to` of a route: a URL, which may be followed by a comma and a weight of 1 to 2^32-1. Without a port, it is
 * 443 for `https` and `tls`, 22 for `ssh` and 80 for the others. `localhost` becomes `127.0.0.1`. A path is ignored, except for
 * `unix` and `https+unix`, which have neither host nor port.
 *
 * @param text at most 4096 characters, and the weight
 * @throws {RouteUrlError} with the rule that was broken
 */
export function parseTo(text: string): ParsedTo {
  const { urlText, weight } = splitWeight(text);
  const url = splitUrl(urlText, { example: EXAMPLE });
  const defaultPort = SCHEMES.get(url.scheme);
  if (defaultPort === undefined) {
    const hint = `use one of ${[...SCHEMES.keys()].join(", ")}`;
    throw new RouteUrlError("route-url/scheme", `${url.scheme.slice(0, 40)} is not a scheme of to`, { hint });
  }
  const { host, port } = url.scheme.endsWith("unix") ? { host: "", port: 0 } : hostAndPort(url.authority);
  const upstream = {
    url: urlText,
    scheme: url.scheme,
    host: host === "localhost" ? "127.0.0.1" : host,
    port: port === 0 ? defaultPort : port,
    weight: weight ?? 1,
  };
  return { upstream: Object.freeze(upstream), isWeighted: weight !== null };
}

function splitWeight(text: string): { urlText: string; weight: number | null } {
  const comma = text.lastIndexOf(",");
  if (comma < 0) return { urlText: text, weight: null };
  const digits = text.slice(comma + 1).trim();
  const weight = /^\d{1,10}$/.test(digits) ? Number(digits) : 0;
  if (weight >= 1 && weight <= MAX_WEIGHT) return { urlText: text.slice(0, comma), weight };
  const hint = `as in ${EXAMPLE},10; several URLs are written as a list`;
  throw new RouteUrlError("route-url/weight", `After a comma stands a weight from 1 to ${MAX_WEIGHT}`, {
    hint,
  });
}
