/** How a path has to be for a route to answer to it. */
export type PathRule =
  | { readonly kind: "any" }
  /** Text that the path begins with. */
  | { readonly kind: "prefix"; readonly text: string }
  /** The whole path. */
  | { readonly kind: "path"; readonly text: string }
  /** A regular expression for the whole path. */
  | { readonly kind: "regex"; readonly matches: (path: string) => boolean };

/** Something a header can say about the caller or the request. */
export type HeaderToken =
  | "id_token"
  | "access_token"
  | "jwt"
  | "client_cert_fingerprint"
  | "client_cert_san_dns"
  | "client_cert_san_email";

/** The value of a header, piece by piece. */
export type HeaderTemplate = readonly (
  | { readonly text: string }
  | { readonly token: HeaderToken }
  /** A header of the request, in lower case. */
  | { readonly header: string }
)[];

/** Where a route sends the browser instead of serving it. */
export interface RouteRedirect {
  /** `null`: that of the request, `https`. */
  readonly scheme: "http" | "https" | null;
  /** `null`: that of the request. */
  readonly host: string | null;
  /** `null`: that of the request, unless scheme or host are others: then the usual one. */
  readonly port: number | null;
  /** In place of the whole path, or of what the route matched of it; `null`: the path stays. */
  readonly path: { readonly kind: "whole" | "prefix"; readonly text: string } | null;
  /** 301, 302, 303, 307 or 308. */
  readonly status: 301 | 302 | 303 | 307 | 308;
  /** Whether the query is left out. */
  readonly stripsQuery: boolean;
}

/** What becomes of the path on the way to the service; `null`: it stays. */
export type PathRewrite =
  /** In place of what the route matched. */
  | { readonly kind: "prefix"; readonly text: string }
  /** Replaces every match of a regular expression. */
  | { readonly kind: "regex"; readonly rewrite: (path: string) => string }
  | null;

/** What the service is told as `Host`. */
export type HostRewrite =
  /** The host of the service itself. */
  | { readonly kind: "service" }
  /** What the caller said. */
  | { readonly kind: "preserve" }
  | { readonly kind: "text"; readonly text: string }
  /** What a header of the request says, named in lower case. */
  | { readonly kind: "header"; readonly name: string }
  /** What a regular expression makes of the path. */
  | { readonly kind: "path"; readonly rewrite: (path: string) => string };

/** What only HTTP routes have. */
export interface HttpRoute {
  /** To which paths it answers. */
  readonly path: PathRule;
  /** Answers in place of a service; `null`: a service does. */
  readonly redirect: RouteRedirect | null;
  /** Answers in place of a service; `null`: a service does. */
  readonly response: { readonly status: number; readonly body: string } | null;
  /** Everyone may come in, without signing in. */
  readonly isPublic: boolean;
  /** To be answered in this time, once the request is complete; 0: any time. Not for upgrades. */
  readonly requestTimeoutMs: number;
  /** The protocols that requests may go over to, in lower case, such as `websocket`. */
  readonly upgrades: ReadonlySet<string>;
  /** On the way to the service. */
  readonly pathRewrite: PathRewrite;
  /** On the way to the service. */
  readonly hostRewrite: HostRewrite;
  /** Header fields for the service, in place of those that the caller sent; names as written. */
  readonly setRequestHeaders: readonly (readonly [name: string, value: HeaderTemplate])[];
  /** Header fields that the service does not get, in lower case. */
  readonly removeRequestHeaders: ReadonlySet<string>;
  /** Header fields for the caller, in place of those that the service sent; names as written. */
  readonly setResponseHeaders: readonly (readonly [name: string, value: string])[];
  /** What header fields of the service begin with, and what they then begin with; names in lower case. */
  readonly rewriteResponseHeaders: readonly {
    readonly header: string;
    readonly prefix: string;
    readonly value: string;
  }[];
  /** Whether the service is told who is calling. */
  readonly passesIdentity: boolean;
}

/** What all HTTP routes have in common. */
export interface HttpHygiene {
  /** Whether dot segments and needless escapes are taken out of paths; otherwise requests with dot segments are refused. */
  readonly normalizesPath: boolean;
  /** Whether `//` in a path counts as `/`. */
  readonly mergesSlashes: boolean;
  /** What becomes of `%2F` and `%5C` in a path. */
  readonly escapedSlashes: "keep" | "reject" | "redirect" | "forward";
  /** What becomes of header fields with `_` in their name, which some services take for `-`. */
  readonly underscores: "allow" | "reject" | "drop";
  /** Whether the address of the caller is not added to `X-Forwarded-For`. */
  readonly skipsForwardedFor: boolean;
  /** How many proxies before the gateway are believed what they add to `X-Forwarded-For`. */
  readonly trustedHops: number;
}

/** What the top level says about HTTP routes. */
export interface HttpGlobals extends HttpHygiene {
  /** As `requestTimeoutMs` of routes that do not say it. */
  readonly timeoutMs: number;
  /** As `upgrades` of routes that do not say it, in lower case. */
  readonly upgrades: readonly string[];
  /** As `passesIdentity` of routes that do not say it. */
  readonly passesIdentity: boolean;
  /** As `setResponseHeaders` of routes, beside those that they say themselves. */
  readonly setResponseHeaders: HttpRoute["setResponseHeaders"];
}
