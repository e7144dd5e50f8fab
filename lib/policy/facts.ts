import type { NameAttributes } from "../codec/name_filter.ts";

/** The signed-in caller, as far as a policy can ask about them. */
export interface SessionFacts {
  /** Which session; never its token. */
  readonly sessionId: string;
  /** Who: the `sub` of the identity provider, or the id of a local user. */
  readonly userId: string;
  /** Empty when the identity provider told none. */
  readonly email: string;
  /** Directory group ids and names. */
  readonly groups: readonly string[];
  /** Claims of the session merged with those of the user; the user's win. Values are JSON values. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** An HTTP request. A tunnel is none: what runs inside it is not looked at. */
export interface HttpFacts {
  /** As it was sent, such as `GET`. */
  readonly method: string;
  /** Beginning with `/`, without query. */
  readonly path: string;
  /** The header `Origin`; `null` when there is none. */
  readonly origin: string | null;
  /** The header `Access-Control-Request-Method`; `null` when there is none. */
  readonly accessControlRequestMethod: string | null;
}

/** What the caller showed in the TLS handshake. Without a certificate the texts, lists and names are empty. */
export interface ClientCertificateFacts {
  /** Whether there was a certificate at all. */
  readonly presented: boolean;
  /** Whether our own validation trusts its chain, for this purpose and now, and none of it is revoked. */
  readonly valid: boolean;
  /** SHA-256 of the certificate, as 64 lower-case hexadecimal digits. */
  readonly fingerprintSha256: string;
  /** SHA-256 of its SubjectPublicKeyInfo, as padded base64. */
  readonly spkiSha256Base64: string;
  /** Subject alternative names of type dNSName (RFC 5280 section 4.2.1.6). */
  readonly sanDns: readonly string[];
  /** Of type rfc822Name. */
  readonly sanEmail: readonly string[];
  /** Of type uniformResourceIdentifier. */
  readonly sanUri: readonly string[];
  /** The name of who issued it (RFC 5280 section 4.1.2.4). */
  readonly issuer: NameAttributes;
  /** The name of whom it is for. */
  readonly subject: NameAttributes;
}

/** The device that the caller has registered with their session and proven to hold. */
export interface DeviceFacts {
  /** Id of its credential. */
  readonly id: string;
  /** `enclave_only`: the key cannot leave the machine, as in a TPM; `any`: every other kind, such as a security key. */
  readonly type: "any" | "enclave_only";
  /** Whether an administrator has approved it. */
  readonly approved: boolean;
}

/**
 * An OpenSSH user certificate. Whoever states it has checked that it is one for users, that the authority has signed it,
 * and that it bears no critical option which is not enforced; a certificate that fails this is not stated.
 */
export interface SshCertificateFacts {
  /** The public key of the authority that signed it, in wire format (RFC 4253 section 6.6). */
  readonly authorityKey: Uint8Array;
  /** For which login names it is; empty is none. */
  readonly principals: readonly string[];
  /** First moment of its validity, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly validAfter: number;
  /** First moment after its validity, in the same unit; `Infinity` when it does not end. */
  readonly validBefore: number;
}

/** An SSH login. */
export interface SshFacts {
  /** The login name that was asked for, without route. */
  readonly username: string;
  /** The key that was offered, in wire format (RFC 4253 section 6.6): of a certificate the whole of it. */
  readonly publicKey: Uint8Array;
  /** What the offered key is as a certificate; absent or `null` when it is none. */
  readonly certificate?: SshCertificateFacts | null;
}

/**
 * Everything a decision may depend on. The caller of {@link decide} gathers it; deciding does no I/O. A group that is
 * absent or `null` does not exist in the caller's protocol: no criterion that asks for it is true, save
 * `invalid_client_certificate`.
 */
export interface Facts {
  /** The route that is asked for. */
  readonly routeId: string;
  /** When, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: number;
  /** The address of the caller, without port; `null` when it is not known, which no `source_ip` matches. */
  readonly sourceIp: string | null;
  /** `null` when nobody is signed in. */
  readonly session: SessionFacts | null;
  /** The HTTP request. */
  readonly http?: HttpFacts | null;
  /** The name of the tool that a `tools/call` of the Model Context Protocol asks for; none for other requests. */
  readonly mcpTool?: string | null;
  /** Stated by every listener that asks for certificates, also about a caller who has presented none. */
  readonly clientCertificate?: ClientCertificateFacts | null;
  /** `null` when the session has none. */
  readonly device?: DeviceFacts | null;
  /** The SSH login. */
  readonly ssh?: SshFacts | null;
}
