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
}

/** Whether two pairs are the same certificate and key. */
export function isSame(a: ServerKeyPair, b: ServerKeyPair): boolean {
  return a.certPem === b.certPem && a.keyPem === b.keyPem;
}
