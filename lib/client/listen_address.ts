import { AuthorityError, formatAuthority, parseHost } from "../base/authority.ts";
import { isLoopbackIp, parseIp } from "../base/ip.ts";
import { ClientError } from "./client_error.ts";

/** Where local programs connect to; `"stdio"` is the program's own standard input and output. */
export type ListenAddress = "stdio" | {
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
};

/**
 * Reads `host:port`, `:port` (all IPv4 interfaces) or `-` (standard input and output).
 *
 * @throws {ClientError} `client/invalid-listen-address`
 */
export function parseListenAddress(text: string): ListenAddress {
  if (text === "-") return "stdio";
  const match = /^(\[[^\]]*\]|[^:]*):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65535) throw invalid(text);
  try {
    return { hostname: match[1] === "" ? "0.0.0.0" : parseHost(match[1]!), port };
  } catch (error) {
    if (error instanceof AuthorityError) throw invalid(text);
    throw error;
  }
}

/** Whether only programs of this machine can connect there. */
export function isLoopback(hostname: string): boolean {
  if (hostname === "localhost") return true;
  const ip = parseIp(hostname);
  return ip !== null && isLoopbackIp(ip);
}

/** An address as people type it. */
export function formatListenAddress({ hostname, port }: { hostname: string; port: number }): string {
  return formatAuthority({ host: hostname, port });
}

function invalid(text: string): ClientError {
  return new ClientError(
    "client/invalid-listen-address",
    "The address to listen on is not host:port, :port or -",
    {
      hint: /^\d{1,5}$/.test(text) ? `write 127.0.0.1:${text}` : undefined,
    },
  );
}
