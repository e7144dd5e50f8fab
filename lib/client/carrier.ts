import type { Authority } from "../base/authority.ts";
import type { ByteStream } from "../base/byte_stream.ts";
import type { DatagramFlow } from "../base/datagram_flow.ts";
import { ClientError } from "./client_error.ts";

/** The versions of HTTP that can carry tunnels. */
export const CARRIER_NAMES = ["h3", "h2", "h1"] as const;

/** HTTP/3 over QUIC, HTTP/2, or HTTP/1.1. */
export type CarrierName = (typeof CARRIER_NAMES)[number];

/** What a tunnel is opened with. */
export interface TunnelRequest {
  /** Sent as `Authorization: Pomerium <token>`; `null` sends none. */
  readonly token: string | null;
  /** What this program calls itself, as in `sallyport/1.0`. */
  readonly userAgent: string;
  /** Gives up the attempt when aborted; does nothing to an open tunnel. */
  readonly signal: AbortSignal;
}

/** What it takes to ask a gateway about a tunnel later. */
export interface TunnelIdentity {
  /** What the gateway calls it: 1 to 100 visible ASCII characters, or `null` when the gateway gave no such name. */
  readonly requestId: string | null;
  /** What opened it; `null` when none was sent. */
  readonly token: string | null;
}

/** An open TCP tunnel. */
export type Tunnel = ByteStream & TunnelIdentity;

/** An open UDP tunnel. */
export type UdpTunnel = DatagramFlow & TunnelIdentity;

/** One way to a gateway, over which tunnels are opened. Whoever opened it closes it. */
export interface Carrier {
  /** Which version of HTTP it is. */
  readonly name: CarrierName;
  /** Whether it takes further tunnels now. */
  readonly isOpen: boolean;
  /** Whether the gateway has said that it takes UDP this way. */
  readonly carriesUdp: boolean;
  /**
   * Opens a TCP tunnel with CONNECT (RFC 9110 section 9.3.6).
   *
   * @param authority `host:port` of the route, as it was typed
   * @returns the tunnel, which the caller closes
   * @throws {ClientError} `client/login-required` when the gateway wants another token; `client/denied`,
   *   `client/no-such-route`, `client/unavailable` or `client/unexpected-status` when it will not open the tunnel;
   *   `client/bad-response`, `client/unreachable`, `client/tls-untrusted`, `client/timeout`, `client/cancelled`;
   *   `client/carrier-full` when it takes no more tunnels at once
   */
  openTcp(authority: string, request: TunnelRequest): Promise<Tunnel>;
  /**
   * Opens a UDP tunnel with CONNECT-UDP (RFC 9298 section 3).
   *
   * @returns the tunnel, which the caller closes
   * @throws {ClientError} as {@link Carrier.openTcp}
   */
  openUdp(target: Authority, request: TunnelRequest): Promise<UdpTunnel>;
  /** Ends it as soon as no tunnel shares it any more: none is to be opened after this. */
  retire(): void;
  /** Ends it, and the tunnels that share it. Safe to call twice. */
  close(): void;
}

/** Says that a carrier takes no more tunnels at once. */
export function carrierFull(cause?: unknown): ClientError {
  return new ClientError("client/carrier-full", "The gateway takes no more tunnels on one connection", {
    cause,
  });
}

/** The header fields that every request of a tunnel has. */
export function tunnelFields({ token, userAgent }: TunnelRequest): Record<string, string> {
  return { "user-agent": userAgent, ...(token === null ? {} : { authorization: `Pomerium ${token}` }) };
}
