/** A certificate and key as PEM text. */
export interface ServerKeyPair {
  /** The certificate, and those between it and the authority. */
  readonly certPem: string;
  /** The private key. */
  readonly keyPem: string;
}

/** The certificates of a listener, and which of them a client is shown. */
export interface CertificateChoice {
  /** At least one. */
  readonly certificates: readonly { readonly pair: ServerKeyPair }[];
  /**
   * Asked at each handshake when there are several.
   *
   * @param serverName as the client sent it; empty when it sent none
   * @returns one of the pairs of `certificates`, the same object; throwing fails the handshake
   */
  select(serverName: string): ServerKeyPair;
  /** Which clients are asked for a certificate of their own; default: none. */
  readonly clientCertificates?: ClientCertificateChoice;
}

/** Which clients are asked for a certificate. */
export interface ClientCertificateChoice {
  /**
   * Asked at each handshake.
   *
   * @param serverName as the client sent it; empty when it sent none
   * @returns what to ask for, the same object for the same; `null`: nothing
   */
  request(serverName: string): ClientCertificateRequest | null;
}

/** What a client is asked for. */
export interface ClientCertificateRequest {
  /** PEM text of the authorities whose names the client is told (RFC 8446 section 4.2.4); at least one. */
  readonly authoritiesPem: readonly string[];
  /** Looks at what was presented before anybody else does; `null`: every client may go on, also one without a certificate. */
  readonly admission: ClientAdmission | null;
}

/**
 * Decides whether the connection of a client may go on. A client without a certificate is refused before by the platform.
 *
 * @param chain as in `ConnectionFacts.clientCertificates`, not empty
 * @returns why not; `null` when it may
 */
export type ClientAdmission = (chain: readonly Uint8Array<ArrayBuffer>[]) => Promise<ClientRefusal | null>;

/** Why a client gets no further than the handshake. */
export interface ClientRefusal {
  /** For the log. */
  readonly reason: string;
  /** What its certificate says, for the log; `null` when it cannot be read. */
  readonly certificate: unknown;
}

/** Whether two pairs are the same certificate and key. */
export function isSame(a: ServerKeyPair, b: ServerKeyPair): boolean {
  return a.certPem === b.certPem && a.keyPem === b.keyPem;
}
