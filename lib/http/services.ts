import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { Config, Route } from "../config/config.ts";
import type { RouteTable } from "../config/route_table.ts";
import type { Assertions } from "../identity/assertion.ts";
import type { ActiveSessions } from "../identity/active_sessions.ts";
import type { AttemptLimiter } from "../identity/attempt_limiter.ts";
import type { BearerTokens } from "../identity/bearer_tokens.ts";
import type { CallbackCodes } from "../identity/callback_code.ts";
import type { ClientCertificates } from "../identity/client_certificates.ts";
import type { KeySignIns } from "../identity/key_sign_ins.ts";
import type { IdentityKeys, PublicJwk } from "../identity/keys.ts";
import type { LocalUsers } from "../identity/local_users.ts";
import type { OidcProvider } from "../identity/oidc_provider.ts";
import type { ProviderStates } from "../identity/provider_state.ts";
import type { SessionTokens } from "../identity/session_token.ts";
import type { AuditTrail } from "../observe/audit.ts";
import type { Log } from "../observe/log.ts";
import type { Store } from "../store/store.ts";
import type { LiveAuthorization } from "../tunnel/live_authorization.ts";
import type { Publications } from "../tunnel/publications.ts";
import type { TunnelRegistry } from "../tunnel/registry.ts";
import type { UdpLimiter } from "../tunnel/udp_limiter.ts";
import type { Siblings } from "./siblings.ts";
import type { EndpointState } from "../upstream/endpoint.ts";
import type { Publishers } from "../upstream/publishers.ts";
import type { UpstreamPool } from "../upstream/upstream_pool.ts";

/** How a service of a route does. */
export interface RouteEndpointState extends EndpointState {
  /** Name of the route. */
  readonly route: string;
}

/** What the application works with. The gateway builds it once. */
export interface HttpServices {
  /** `routes.yaml`, checked. */
  readonly config: Config;
  /** Finds the route of a destination. */
  readonly routes: RouteTable;
  /** Whether a server certificate stands for this host name. */
  readonly certificateCovers: (hostname: string) => boolean;
  /** The port the gateway listens on, which may not be known before it does. */
  readonly listenPort: () => number;
  /** Judges the certificates of callers. */
  readonly clientCertificates: Pick<ClientCertificates, "judge">;
  /** Value of `Alt-Svc` for who came to this host name otherwise than by HTTP/3; `null` when it is not served to them. */
  readonly altSvc: (hostname: string) => string | null;
  /** The port for SSH; `null` when there is none. */
  readonly sshPort: () => number | null;
  /** Verifies bearer tokens of others. */
  readonly bearer: BearerTokens;
  /** Keeps sessions and users beyond the process. */
  readonly store: Store;
  /** Finds sessions that are used, and writes down that they are. */
  readonly sessions: ActiveSessions;
  /** Lets people say whose the keys of SSH clients are. */
  readonly signIns: KeySignIns;
  /** Checks user names and passwords. */
  readonly users: LocalUsers;
  /** Issues and verifies session tokens. */
  readonly tokens: SessionTokens;
  /** Sign URLs and the tokens of forms. */
  readonly keys: IdentityKeys;
  /** Carries a finished sign-in from one host to another. */
  readonly codes: CallbackCodes;
  /** Vouches for people; `null` when this gateway does so itself. */
  readonly provider: OidcProvider | null;
  /** The same by its id, and each client that routes have of their own by its own; empty when there is none. */
  readonly providers: ReadonlyMap<string, OidcProvider>;
  /** Carries a sign-in through that provider. */
  readonly providerStates: ProviderStates;
  /** Bounds sign-in attempts. */
  readonly limiter: AttemptLimiter;
  /** Runs and ends tunnels. */
  readonly tunnels: TunnelRegistry;
  /** Bounds UDP tunnels. */
  readonly udp: UdpLimiter;
  /** Reach the services of routes. */
  readonly upstreams: { of(route: Route): UpstreamPool; states(): readonly RouteEndpointState[] };
  /** Who publishes the services of routes. */
  readonly publishers: Publishers;
  /** Knows who may. */
  readonly publications: Publications;
  /** Other processes that share the port; absent when there are none. */
  readonly siblings?: Siblings;
  /** What this gateway calls itself toward other proxies: a pseudonym of its own at each start. */
  readonly instance: string;
  /** Has a tunnel decided anew when something changed since its decision. */
  readonly live: Pick<LiveAuthorization, "mark" | "recheck">;
  /** The public keys that verify what this gateway signs for services (RFC 7517). */
  readonly jwks: { readonly keys: readonly PublicJwk[] };
  /** Signs what services are told about callers. */
  readonly assertions: Assertions;
  /** Time, for expiry and durations. */
  readonly clock: Clock;
  /** Randomness, for session ids and form tokens. */
  readonly random: Random;
  /** Where the program says what it does. */
  readonly log: Log;
  /** Where sign-ins and tunnels are written down. */
  readonly audit: AuditTrail;
}
