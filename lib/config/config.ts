import type { CompiledPolicy } from "../policy/compile.ts";
import type { DownstreamMtls } from "./downstream_mtls.ts";
import type { HttpGlobals, HttpRoute } from "./http_settings.ts";
import type { IdpName } from "./idp_names.ts";
import type { UdpLimits } from "./udp_limits.ts";
import type {
  BalancingPolicy,
  CircuitBreakers,
  HealthCheck,
  OutlierDetection,
  UpstreamTls,
} from "./upstream_settings.ts";

/** Which protocol a route serves, from the scheme of its `from`. */
export type RouteProtocol = "tcp" | "udp" | "http" | "ssh";

/** What a route answers to. */
export interface RouteFrom {
  /** As written. */
  readonly url: string;
  /** From the scheme. */
  readonly protocol: RouteProtocol;
  /**
   * The host and port of the gateway that the URL names: the bastion in `tcp+https://proxy:8443/host:port`, the host
   * of the destination itself otherwise. `port` is `null` when the URL names none; in `tcp+https://host:port` the port
   * is that of the destination.
   */
  readonly gateway: { readonly host: string; readonly port: number | null };
  /** The destinations; more than one in the bastion form with several path segments. */
  readonly destinations: readonly AuthorityPattern[];
}

/** A destination as a route states it. */
export interface AuthorityPattern {
  /** Lower case; may contain `*`, which stands for any text, dots included. */
  readonly host: string;
  /** `null` answers to every port. */
  readonly port: number | null;
}

/** One service a route leads to. */
export interface Upstream {
  /** As written, without the weight. */
  readonly url: string;
  /** Scheme of the URL: `tcp`, `tls`, `udp`, `http`, `https`, `h2c`, `ssh`, `unix`, `https+unix`. */
  readonly scheme: string;
  /** DNS name or IP address without brackets; `localhost` was replaced by `127.0.0.1`. Empty for `unix`. */
  readonly host: string;
  /** 1 to 65535; 0 for `unix`. */
  readonly port: number;
  /** Share of the traffic relative to the other upstreams of the route; 1 when none was given. */
  readonly weight: number;
}

/** One entry of `routes:`, checked and frozen. */
export interface Route {
  /** 16 hexadecimal digits, the same as long as `from` and `to` stay the same. */
  readonly id: string;
  /** `name`, or what `from` says when there is none. */
  readonly name: string;
  /** Empty when there is none. */
  readonly description: string;
  /** A picture: `https`, or `http` on a loopback address; `null` when there is none. */
  readonly logoUrl: string | null;
  /** What it answers to. */
  readonly from: RouteFrom;
  /** Where it leads; empty when it answers by itself. */
  readonly to: readonly Upstream[];
  /** Who may use it. */
  readonly policy: CompiledPolicy;
  /** Longest life of a tunnel; 0 is unlimited. */
  readonly timeoutMs: number;
  /** Longest time with nothing either way; 0 is unlimited. */
  readonly idleTimeoutMs: number;
  /** Longest time a tunnel may be open before it has to be opened anew; 0 is unlimited. */
  readonly maxSessionDurationMs: number;
  /** Whether the page of a refusal says which rules led to it. */
  readonly showErrorDetails: boolean;
  /** Version of the PROXY header that the service is sent before anything else; `null`: none. */
  readonly sendProxyProtocol: 1 | 2 | null;
  /** For services that are reached by `https://`, `https+unix://` or `tls://`. */
  readonly upstreamTls: UpstreamTls;
  /** Whether the next proxy or service is told the destination that the caller named, and not its own. */
  readonly preserveHostHeader: boolean;
  /** How its services share the work. */
  readonly balancing: BalancingPolicy;
  /** How its services are looked after; without any check all count as healthy. */
  readonly healthChecks: readonly HealthCheck[];
  /** With a smaller share of services that can be used, in percent, all are used. */
  readonly healthyPanicThreshold: number;
  /** `null`: no service is taken out. */
  readonly outlierDetection: OutlierDetection | null;
  /** Its own, and those of the top level for what it does not say. */
  readonly circuitBreakers: CircuitBreakers;
  /** Set when its services are those that people publish, and `to` is never dialled by the gateway; `null` otherwise. */
  readonly upstreamTunnel: UpstreamTunnel | null;
  /** What only HTTP routes have; `null` for the others. */
  readonly http: HttpRoute | null;
  /**
   * Keys of which its SSH server has to prove one, as in a `.pub` file without comment; `null`: the one that it proved at
   * first. Means something only on routes from `ssh://`.
   */
  readonly sshHostKeys: readonly string[] | null;
  /** Whether what is done in its SSH sessions is recorded, see {@link SessionRecordingSettings}. */
  readonly isRecorded: boolean;
  /** How the issuer of assertions is written. */
  readonly jwtIssuerFormat: "hostOnly" | "uri";
  /**
   * PEM text of the authorities that callers' certificates are judged by, its own or those of the top level; `null`: no
   * certificate is trusted. A policy asks for a trusted one by itself where that is enforced.
   */
  readonly clientAuthoritiesPem: string | null;
  /** Whose bearer tokens are taken for callers; empty: bearer tokens are not read. */
  readonly tokenIssuers: readonly TokenIssuer[];
  /** How bearer tokens of the identity provider are taken for callers; `null`: not at all. */
  readonly idpBearer: IdpBearer | null;
  /** Its own client at the identity provider; `null`: that of the top level. */
  readonly idpClient: {
    /** What the provider knows it by. */
    readonly clientId: string;
    /** A secret; `null`: that of the top level. */
    readonly clientSecret: string | null;
  } | null;
  /** Its keys and values as written, aliases replaced by what they stand for; frozen throughout. May hold secrets. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Line in the configuration file where the route begins; 0 for one from the environment. */
  readonly line: number;
}

/** Of a route whose services are published by people. */
export interface UpstreamTunnel {
  /** Who may publish them by SSH; empty: nobody. */
  readonly sshPolicy: CompiledPolicy;
  /** Who may otherwise: the same, but that it asks for the client certificate that the route asks its callers for. */
  readonly httpPolicy: CompiledPolicy;
}

/** How `Authorization: Bearer` is read: `default` is not at all. */
export type BearerTokenFormat = "default" | "idp_access_token" | "idp_identity_token" | "jwt";

/** How a route takes bearer tokens of the identity provider. */
export interface IdpBearer {
  /** `identity`: ID tokens; `access`: access tokens, for which the provider is asked. */
  readonly kind: "identity" | "access";
  /** Of which provider. */
  readonly provider: IdpName;
  /** Its address, see {@link IdpSettings}. */
  readonly url: string | null;
  /** What it knows the gateway by: the `aud` of ID tokens. */
  readonly clientId: string;
  /** The `aud` that access tokens have to have; `null`: any, or none. */
  readonly audiences: readonly string[] | null;
}

/** Somebody else whose signed tokens (RFC 7519) say who is calling. */
export interface TokenIssuer {
  /** What routes call it. */
  readonly name: string;
  /** The `iss` of its tokens: an https URL. */
  readonly issuer: string;
  /** Where its keys are, by https; `null`: where its discovery document says. */
  readonly jwksUrl: string | null;
  /** What it signs with; at least one. */
  readonly algorithms: readonly ("RS256" | "ES256" | "EdDSA")[];
  /** The `aud` of tokens for this gateway; at least one. */
  readonly audiences: readonly string[];
}

/** A certificate and its key, as PEM text. */
export interface CertificatePair {
  /** The certificate, and those between it and the authority. */
  readonly certPem: string;
  /** The private key. */
  readonly keyPem: string;
  /** Where it came from, for messages. */
  readonly source: string;
}

/** How an identity provider is reached. */
export interface IdpSettings {
  /** Its address as it writes it itself; `null`: where providers of this name are unless told otherwise. */
  readonly url: string | null;
  /** What it knows the gateway by. */
  readonly clientId: string;
  /** A secret; `null` when the gateway has none there. */
  readonly clientSecret: string | null;
  /** What is asked for; `null`: what suits providers of this name. */
  readonly scopes: readonly string[] | null;
  /** Further parameters of the address that people are sent to. */
  readonly requestParams: Readonly<Record<string, string>>;
}

/** Where users, sessions and service accounts are kept. */
export interface StorageSettings {
  /** `memory`: until the gateway stops; `file`: in SQLite, for processes of one machine; `postgres`: for any number. */
  readonly type: "memory" | "file" | "postgres";
  /**
   * `postgres`: the server, as `postgres://user:password@host/database`; `file`: the folder, as `file:///folder`, `null`
   * for the state directory. Holds a secret.
   */
  readonly connectionString: string | null;
}

/** Which versions of HTTP the gateway speaks, and where. */
export interface ListenerCodecs {
  /** `auto`: all, HTTP/3 where it is possible; `http3`: all, or nothing is served; `http1`, `http2`: that one only. */
  readonly type: "auto" | "http1" | "http2" | "http3";
  /** Where HTTP/3 is listened for; port 0 is that of the others. `null`: where the others are. */
  readonly http3Address: { readonly hostname: string; readonly port: number } | null;
  /** The port of HTTP/3 that clients are told; `null`: the one that is listened on. */
  readonly http3AdvertisePort: number | null;
}

/** A private key of SSH. */
export interface SshKeySource {
  /** As `ssh-keygen` or OpenSSL writes it. A secret, not checked yet. */
  readonly pem: string;
  /** The file that it came from; `null`: it stands in the configuration. */
  readonly file: string | null;
}

/** The SSH server. */
export interface SshSettings {
  /** `hostname` empty means all interfaces. */
  readonly address: { readonly hostname: string; readonly port: number };
  /** Empty when none is configured: the state directory then keeps some. */
  readonly hostKeys: readonly SshKeySource[];
  /** Signs certificates for servers behind routes; `null` when none is configured: the state directory then keeps one. */
  readonly userCaKey: SshKeySource | null;
  /** Whether `ssh -J`, `ssh -L` and `ssh -W` reach routes. */
  readonly allowsDirectTcpip: boolean;
  /** Whether a shell without route shows the routes to pick one. */
  readonly hasPortal: boolean;
}

/** How SSH sessions are recorded. */
export interface SessionRecordingSettings {
  /** Where recordings are kept; `null`: `recordings` in the state directory. */
  readonly directory: string | null;
  /** What becomes of a session whose recording cannot be written. */
  readonly onFailure: "end" | "continue";
  /** A longer one counts as one that cannot be written. */
  readonly maxBytes: number;
}

/** `routes.yaml`, checked and frozen. */
export interface Config {
  /** The file it was read from. */
  readonly file: string;
  /**
   * SHA-256 of the text of that file and of what the files that it names held, in 64 hexadecimal digits. Without such
   * files it is what `sha256sum` says. The environment does not count.
   */
  readonly digest: string;
  /** Whether a change of the file is to be followed while the gateway runs. */
  readonly hotReload: boolean;
  /** Whether a route from `https://host` without a port answers on every port; `false`: on 443 only. */
  readonly matchAnyIncomingPort: boolean;
  /** Whether people may see the list of the routes that are open to them. */
  readonly routesPortal: boolean;
  /** `hostname` empty means all interfaces. */
  readonly address: { readonly hostname: string; readonly port: number };
  /** How many processes share the port; `auto`: one for each processor. Read once, at the start. */
  readonly workers: number | "auto";
  /** Which versions of HTTP are spoken, and where HTTP/3 is. */
  readonly codecs: ListenerCodecs;
  /** Empty when none is configured: the development authority then makes one. */
  readonly certificates: readonly CertificatePair[];
  /** PEM text of authorities trusted for upstreams, beside the system's; `null` when none is configured. */
  readonly certificateAuthorityPem: string | null;
  /** Of routes that do not say it themselves. */
  readonly circuitBreakers: CircuitBreakers;
  /** What is asked of the certificates of callers. */
  readonly downstreamMtls: DownstreamMtls;
  /** 32 bytes or more; `null` when none is configured: the state directory then keeps one. */
  readonly sharedSecret: Uint8Array<ArrayBuffer> | null;
  /** P-256 private key in PKCS #8 (PEM) that signs assertions; `null` when none is configured: the state has one. */
  readonly signingKeyPem: string | null;
  /** The session cookie. */
  readonly cookie: {
    readonly name: string;
    readonly domain: string | null;
    readonly expireMs: number;
    readonly httpOnly: boolean;
    readonly sameSite: "lax" | "strict" | "none" | null;
  };
  /** How long a session may go without use, in milliseconds; at least a minute, or 0: unlimited. */
  readonly sessionIdleTimeoutMs: number;
  /** Origin of the sign-in pages, such as `https://auth.example.com`; `null`: the host the caller came to. */
  readonly authenticateOrigin: string | null;
  /** Where a browser goes after signing out: `https`, or `http` to a loopback address; `null` when none is set. */
  readonly signOutRedirectUrl: string | null;
  /** Who vouches for people. */
  readonly idpProvider: "local" | IdpName;
  /** How that provider is reached; `null` for `local`. */
  readonly idp: IdpSettings | null;
  /** How the issuer of assertions is written, for routes that do not say it. */
  readonly jwtIssuerFormat: "hostOnly" | "uri";
  /** Headers that tell services claims of the caller, by name; the claims are in assertions, too. */
  readonly jwtClaimsHeaders: Readonly<Record<string, string>>;
  /** How `Authorization: Bearer` is read, on routes that do not say it. */
  readonly bearerTokenFormat: BearerTokenFormat;
  /** The `aud` that access tokens of the identity provider have to have, on routes that do not say it; `null`: any. */
  readonly accessTokenAudiences: readonly string[] | null;
  /** Whose bearer tokens routes can take. */
  readonly tokenIssuers: readonly TokenIssuer[];
  /** Hosts to which a token may be sent after sign-in; `localhost` stands for every loopback address. */
  readonly programmaticRedirectHosts: readonly string[];
  /** In milliseconds. */
  readonly timeouts: {
    /** To receive a whole request head. */
    readonly readMs: number;
    /** Longest life of any tunnel or response; 0 is unlimited. */
    readonly writeMs: number;
    /** A connection without requests; 0 is unlimited. */
    readonly idleMs: number;
  };
  /** Read once, at the start. */
  readonly storage: StorageSettings;
  /** What happens to open tunnels of people while the store cannot be asked. */
  readonly storeUnavailable: {
    /** Whether they go on for a while, or end at once. */
    readonly mode: "keep" | "cut";
    /** How long they may go on. */
    readonly limitMs: number;
  };
  /** What bounds UDP tunnels. */
  readonly udpLimits: UdpLimits;
  /** The SSH server; `null` when there is none. */
  readonly ssh: SshSettings | null;
  /** Of the sessions of routes that are recorded. */
  readonly sessionRecordings: SessionRecordingSettings;
  /** Whether services can be published on routes, by SSH or otherwise. */
  readonly allowsReverseTunnels: boolean;
  /** For HTTP routes. */
  readonly http: HttpGlobals;
  /** Lines below it are dropped. */
  readonly logLevel: "trace" | "debug" | "info" | "warn" | "error";
  /** Fields of the line that is logged when a request or a tunnel ends. */
  readonly accessLogFields: readonly string[];
  /** In the order in which they are tried. */
  readonly routes: readonly Route[];
}
