import { formatHost } from "../base/authority.ts";
import { ClientError } from "./client_error.ts";

/** Where a gateway listens. */
export interface GatewayAddress {
  /** `false` only for `http://` gateways. */
  readonly tls: boolean;
  /** Lower-case DNS name, or an IP address without brackets. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** The port that `https` or `http` stands for. */
export function defaultPort(tls: boolean): number {
  return tls ? 443 : 80;
}

/**
 * Reads the URL of a gateway, `https://host[:port]` or `http://host[:port]`; a path is ignored.
 *
 * @throws {ClientError} `client/invalid-gateway-url`
 */
export function parseGatewayUrl(text: string): GatewayAddress {
  const url = URL.canParse(text) ? new URL(text) : null;
  const tls = url?.protocol === "https:";
  const plain = url?.protocol === "http:";
  if (url === null || !(tls || plain) || url.hostname === "" || url.username !== "" || url.password !== "") {
    throw new ClientError(
      "client/invalid-gateway-url",
      "The gateway URL is not of the form https://host[:port]",
      {
        hint: /^[\w.-]+(:\d+)?$/.test(text) ? `write https://${text}` : undefined,
      },
    );
  }
  return {
    tls,
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? defaultPort(tls) : Number(url.port),
  };
}

/** The URL of a gateway without path, the port only where it is not the default. */
export function gatewayOrigin(gateway: GatewayAddress): string {
  const port = gateway.port === defaultPort(gateway.tls) ? "" : `:${gateway.port}`;
  return `${gateway.tls ? "https" : "http"}://${formatHost(gateway.host)}${port}`;
}
