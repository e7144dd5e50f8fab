import type { Clock } from "../../base/clock.ts";
import type { Config } from "../../config/config.ts";
import type { Histogram } from "../../observe/histogram.ts";
import type { ServiceAccounts } from "../../identity/service_accounts.ts";
import type { Store } from "../../store/store.ts";
import type { HttpFigures } from "../edge.ts";
import type { Http3Figures } from "../http3_edge.ts";
import type { RouteEndpointState } from "../services.ts";
import type { TunnelRegistry } from "../../tunnel/registry.ts";
import type { UdpLimiter } from "../../tunnel/udp_limiter.ts";

/** How an attempt to change the configuration came out. */
export interface ReloadOutcome {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly at: number;
  /** What asked for it, such as `file changed`. */
  readonly cause: string;
  /** Whether what was read is served now. */
  readonly ok: boolean;
  /** What is wrong with it, or worth knowing, each with its place; empty when nothing is. */
  readonly complaints: readonly string[];
}

/** How a gateway does. */
export interface GatewayStatus {
  /** Version of the program. */
  readonly version: string;
  /** Its process. */
  readonly pid: number;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly startedAt: number;
  /** Where people reach it. */
  readonly url: string;
  /** Address and port of SSH; `null` when it is not served. */
  readonly ssh: string | null;
  /** The file that is served, as it was named at the start. */
  readonly config: string;
  /** Which configuration is served: 1 at the start, one more at each change. */
  readonly revision: number;
  /** SHA-256 of the configuration and its files, in hexadecimal. */
  readonly digest: string;
  /** How many routes it has. */
  readonly routes: number;
  /** Tunnels that are open. */
  readonly tunnels: number;
  /** Connections that are open, tunnels included. */
  readonly connections: number;
  /** How each service of each route does. */
  readonly upstreams: readonly RouteEndpointState[];
  /** The latest attempt to change the configuration; `null` when there was none. */
  readonly lastReload: ReloadOutcome | null;
  /** The processes that share the port; absent when there is one. */
  readonly workers?: readonly WorkerStatus[];
}

/** One of several processes that share the port. */
export interface WorkerStatus {
  /** Which one, from 1. */
  readonly number: number;
  /** Its process. */
  readonly pid: number;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly startedAt: number;
  /** Tunnels that are open in it. */
  readonly tunnels: number;
  /** Connections that are open in it, tunnels included. */
  readonly connections: number;
}

/** A route in a plan. */
export interface PlannedRoute {
  /** Its name. */
  readonly name: string;
  /** What it answers to. */
  readonly from: string;
  /** The keys that change; empty for a route that comes or goes. */
  readonly keys: readonly string[];
}

/** What a configuration would change if it were served. */
export interface Plan {
  /** Names the running configuration and the new one; {@link ControlServices.apply} takes it. Empty when it cannot be served. */
  readonly id: string;
  /** The configuration that runs. */
  readonly revision: number;
  /** Whether it can be served. */
  readonly ok: boolean;
  /** What is wrong with it, or worth knowing, each with its place. */
  readonly complaints: readonly string[];
  /** Global keys that change, with values where they are no secrets. */
  readonly globals: readonly { readonly key: string; readonly before: string; readonly after: string }[];
  /** Routes that change. */
  readonly routes: {
    readonly added: readonly PlannedRoute[];
    readonly removed: readonly PlannedRoute[];
    readonly changed: readonly PlannedRoute[];
  };
  /** People with a session whose access changes, by route name. */
  readonly access: readonly {
    readonly user: string;
    readonly gains: readonly string[];
    readonly loses: readonly string[];
  }[];
  /** Live tunnels that would be cut. */
  readonly tunnels: readonly {
    readonly id: string;
    readonly user: string | null;
    readonly host: string;
    readonly reason: string;
    readonly detail: string | null;
  }[];
}

/** What the control socket works with. The gateway builds it once. */
export interface ControlServices {
  /** How the gateway does. */
  readonly status: () => GatewayStatus;
  /** What is served. */
  readonly config: () => Config;
  /** What is open. */
  readonly tunnels: TunnelRegistry;
  /** What UDP tunnels moved and lost. */
  readonly udp: Pick<UdpLimiter, "tunnels" | "figures">;
  /** What clients of HTTP/1.1 and HTTP/2 did wrong. */
  readonly http: HttpFigures;
  /** What came over HTTP/3. */
  readonly http3: Http3Figures;
  /** From a change until the tunnels it ends were told to end. */
  readonly withdrawals: Histogram;
  /** Users and sessions. */
  readonly store: Store;
  /** Of programs. */
  readonly serviceAccounts: ServiceAccounts;
  /** For sessions and decisions. */
  readonly clock: Clock;
  /** Reads the configuration again. */
  readonly reload: () => Promise<ReloadOutcome>;
  /** Says what serving a configuration would change. */
  readonly plan: (text: string) => Promise<Plan>;
  /** Serves a configuration; a plan id that is not of now and of this text refuses it. */
  readonly apply: (text: string, options: { planId: string | null }) => Promise<ReloadOutcome>;
}
