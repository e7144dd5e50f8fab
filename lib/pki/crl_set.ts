import { parseCrlBundle } from "./bundle.ts";
import type { Crl } from "./crl.ts";
import type { DistinguishedName } from "./distinguished_name.ts";

/** Revocation lists by who has issued them. Whether one is properly signed is found out once. */
export class CrlSet {
  readonly #byIssuer: ReadonlyMap<string, readonly Crl[]>;
  readonly #verified = new Set<string>();

  /** A set of `lists`, of which several may have one issuer. */
  constructor(lists: readonly Crl[]) {
    this.#byIssuer = Map.groupBy(lists, ({ issuer }) => issuer.key);
  }

  /**
   * Reads a file of lists in PEM, or of one in DER.
   *
   * @param bytes at most 64 MiB
   * @throws {PkiError} `pki/bad-crl`, `pki/unsupported-crl`
   */
  static parse(bytes: Uint8Array<ArrayBuffer>): CrlSet {
    return new CrlSet(parseCrlBundle(bytes));
  }

  /** Every list in it. */
  get lists(): readonly Crl[] {
    return [...this.#byIssuer.values()].flat();
  }

  /** The lists that `issuer` has issued. */
  of(issuer: DistinguishedName): readonly Crl[] {
    return this.#byIssuer.get(issuer.key) ?? [];
  }

  /** Whether `verify` has found `list` to be signed with a key; once it has, it is not called again. */
  async isVerified(
    list: Crl,
    { spkiSha256Base64, verify }: { spkiSha256Base64: string; verify: () => Promise<boolean> },
  ): Promise<boolean> {
    const key = `${list.fingerprintSha256} ${spkiSha256Base64}`;
    // Failures are not kept: whoever sends certificates could fill the memory with them.
    if (!this.#verified.has(key) && await verify()) this.#verified.add(key);
    return this.#verified.has(key);
  }
}
