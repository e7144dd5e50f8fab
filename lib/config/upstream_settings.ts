import type { CertificatePair } from "./config.ts";

/** How TLS is spoken with the services of a route. */
export interface UpstreamTls {
  /** The name that is asked for (RFC 6066 section 3) and verified; `null`: the host of each service. */
  readonly serverName: string | null;
  /** Whether any certificate is believed. */
  readonly skipVerify: boolean;
  /** Authorities that are trusted; `null`: those of the system. */
  readonly authorities: {
    /** PEM text. */
    readonly pem: string;
    /** Whether those of the system are not trusted then. */
    readonly isAll: boolean;
  } | null;
  /** What the gateway shows when it is asked for a certificate; `null`: none. */
  readonly clientCertificate: CertificatePair | null;
}

/** How connections and requests are spread over the services of a route. */
export type BalancingPolicy = "ROUND_ROBIN" | "LEAST_REQUEST" | "RANDOM" | "RING_HASH" | "MAGLEV";

/** How many of each there may be at once on a route; `null`: any number. */
export interface CircuitBreakers {
  /** Connections. */
  readonly maxConnections: number | null;
  /** Connections that are being made. */
  readonly maxPendingRequests: number | null;
  /** Requests, and tunnels. */
  readonly maxRequests: number | null;
  /** Attempts after a first one that failed. */
  readonly maxRetries: number | null;
}

/** When a service is taken out for a while because of how it answers. */
export interface OutlierDetection {
  /** After so many answers of 500 and above in a row, failed connections included; 0: never. */
  readonly consecutive5xx: number;
  /** After so many of 502, 503 and 504 in a row, failed connections included; 0: never. */
  readonly consecutiveGatewayFailure: number;
  /** For every interval without being taken out, a service is taken out for less the next time. */
  readonly intervalMs: number;
  /** How long it is taken out the first time; the n-th time it is n times as long, up to 300 s or this if it is more. */
  readonly baseEjectionTimeMs: number;
  /** No more are taken out while this share of the services is, in percent. */
  readonly maxEjectionPercent: number;
}

/** What a health check does. */
export type HealthProbe =
  | {
    readonly kind: "http";
    readonly path: string;
    /** `null`: host and port of the service. */
    readonly host: string | null;
    /** From the first to before the second of each pair. */
    readonly expectedStatuses: readonly (readonly [number, number])[];
    readonly codec: "http1" | "http2";
  }
  | {
    readonly kind: "tcp";
    /** In hexadecimal; empty: nothing. */
    readonly send: string;
    /** To be found in what comes, in this order, in hexadecimal; empty: a connection is enough. */
    readonly receive: readonly string[];
  }
  | {
    readonly kind: "grpc";
    /** Empty: the server as a whole. */
    readonly serviceName: string;
    /** `null`: host and port of the service. */
    readonly authority: string | null;
  };

/** A check that is made over and over, in milliseconds where it says `Ms`. */
export interface HealthCheck {
  /** What is done. */
  readonly probe: HealthProbe;
  /** For one check. */
  readonly timeoutMs: number;
  /** From the end of one to the begin of the next. */
  readonly intervalMs: number;
  /** So many failures in a row make a healthy service unhealthy. */
  readonly unhealthyThreshold: number;
  /** So many successes in a row make an unhealthy service healthy. */
  readonly healthyThreshold: number;
  /** Up to so much later, drawn, for the first check. */
  readonly initialJitterMs: number;
  /** Up to so much later, drawn, for each of the others. */
  readonly intervalJitterMs: number;
  /** The same in percent of the interval. */
  readonly intervalJitterPercent: number;
  /** The interval while the service is unhealthy. */
  readonly unhealthyIntervalMs: number;
  /** The interval after the check that made it unhealthy. */
  readonly unhealthyEdgeIntervalMs: number;
  /** The interval after the check that made it healthy. */
  readonly healthyEdgeIntervalMs: number;
  /** The interval as long as nobody has used the route. */
  readonly noTrafficIntervalMs: number;
  /** The same for a healthy service. */
  readonly noTrafficHealthyIntervalMs: number;
  /** Whether one connection serves several checks. */
  readonly reusesConnection: boolean;
  /** Whether each failure is logged, not only the one that makes the service unhealthy. */
  readonly logsFailures: boolean;
  /** Whether each success is logged. */
  readonly logsSuccesses: boolean;
}
