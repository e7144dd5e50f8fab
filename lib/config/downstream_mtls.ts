/** What is done about callers without a client certificate that is trusted. */
export type MtlsEnforcement = "policy_with_default_deny" | "policy" | "reject_connection";

/** `try`: a certificate is not trusted that a responder says is revoked; `require`: nor one that none says is good. */
export type OcspMode = "off" | "try" | "require";

/** Which certificates of callers are trusted, and what happens to callers without one. */
export interface DownstreamMtls {
  /** PEM text of the authorities of routes that have none of their own; `null`: they have none. */
  readonly authoritiesPem: string | null;
  /** PEM text of revocation lists; `null`: there are none. */
  readonly crlPem: string | null;
  /** Whether authorities are looked up in them, too. */
  readonly crlCheck: "leaf" | "chain";
  /** Whether the responders are asked that the certificates of callers name. */
  readonly ocsp: OcspMode;
  /**
   * `policy_with_default_deny`: routes with authorities refuse callers without a trusted certificate; `policy`: only those
   * whose policies do; `reject_connection`: such callers get no further than the handshake.
   */
  readonly enforcement: MtlsEnforcement;
  /** One of these has to match an alternative name of the certificate; empty: none has to. */
  readonly subjectAlternativeNames: readonly AlternativeNamePattern[];
  /** How many certificates may stand above that of the caller, the authority's included; 0 is unlimited. */
  readonly maxVerifyDepth: number;
}

/** The kinds of alternative names that can be asked for. */
export type AlternativeNameType = "dns" | "email" | "ip_address" | "uri" | "user_principal_name";

/** What an alternative name (RFC 5280 section 4.2.1.6) of a certificate may be. */
export interface AlternativeNamePattern {
  /** Which kind of name. */
  readonly type: AlternativeNameType;
  /** The expression that the whole of it has to match. */
  readonly pattern: string;
}
