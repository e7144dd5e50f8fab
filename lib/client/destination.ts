import { AuthorityError, parseAuthority } from "../base/authority.ts";
import { ClientError } from "./client_error.ts";
import { defaultPort, type GatewayAddress, parseGatewayUrl } from "./gateway_address.ts";

/** What a person wants to reach, and through which gateway. */
export interface Destination {
  /** `host:port` of the route as it was typed; this is what the CONNECT request names. */
  readonly authority: string;
  /** Where the CONNECT request is sent. */
  readonly gateway: GatewayAddress;
}

const URL_FORM = /^(?:tcp\+|udp\+)?(https?):\/\/([^/?#]*)(?:\/([^/?#]*)(?:\/[^?#]*)?)?$/i;

/**
 * Reads a destination:
 *
 * - `host:port`: through `https://host`;
 * - `tcp+https://host:port` or `https://host:port`: the same, and with `http` through `http://host`;
 * - `tcp+https://gateway[:port]/host:port`: through the gateway that the URL names (the bastion form).
 *
 * @param options `gatewayUrl`: the gateway to go through instead
 * @throws {ClientError} `client/invalid-destination`, `client/invalid-gateway-url`
 *
 * @example
 * ```ts
 * import { parseDestination } from "./destination.ts";
 * const { authority, gateway } = parseDestination("tcp+https://gw.example.com:8443/redis.example.com:6379");
 * if (authority !== "redis.example.com:6379" || gateway.port !== 8443) throw new Error();
 * ```
 */
export function parseDestination(
  text: string,
  options: { gatewayUrl?: string | undefined } = {},
): Destination {
  try {
    const destination = text.includes("://") ? parseUrlForm(text) : parseHostForm(text);
    if (options.gatewayUrl === undefined) return destination;
    return { authority: destination.authority, gateway: parseGatewayUrl(options.gatewayUrl) };
  } catch (error) {
    if (!(error instanceof AuthorityError)) throw error;
    throw new ClientError("client/invalid-destination", error.message, {
      cause: error,
      hint: error.code === "authority/no-port" ? portHint(text) : undefined,
    });
  }
}

function parseHostForm(text: string): Destination {
  const { host } = parseAuthority(text);
  return { authority: text, gateway: { tls: true, host, port: 443 } };
}

function parseUrlForm(text: string): Destination {
  const match = URL_FORM.exec(text);
  if (match === null) {
    throw new ClientError(
      "client/invalid-destination",
      "The destination is neither host:port nor a URL that starts with tcp+https://, https://, tcp+http:// or http://",
    );
  }
  const tls = match[1]!.toLowerCase() === "https";
  const [host, path] = [match[2]!, match[3]];
  if (path === undefined) {
    const authority = parseAuthority(host);
    return { authority: host, gateway: { tls, host: authority.host, port: defaultPort(tls) } };
  }
  if (path === "") {
    throw new ClientError("client/invalid-destination", "The destination after the gateway is empty", {
      hint: "remove the slash at the end, or write host:port after it",
    });
  }
  const gateway = parseAuthority(host, { defaultPort: defaultPort(tls) });
  const destination = percentDecoded(path);
  parseAuthority(destination);
  return { authority: destination, gateway: { tls, ...gateway } };
}

/** Brackets of IPv6 may arrive percent-encoded in a path (RFC 3986 section 3.3). */
function percentDecoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new ClientError("client/invalid-destination", "The destination holds a broken percent-encoding", {
      cause,
    });
  }
}

function portHint(text: string): string {
  const example = text.replace(/\/$/, "");
  return `add the port of the route, as in ${example.length <= 100 ? example : "host"}:22`;
}
