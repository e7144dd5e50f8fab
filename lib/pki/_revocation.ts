import { shareName } from "./_distribution_point.ts";
import { isSignedBy, type Material, type Path } from "./_find_path.ts";
import { KeyError } from "./_public_key.ts";
import type { Certificate } from "./certificate.ts";
import type { Crl } from "./crl.ts";
import type { CrlSet } from "./crl_set.ts";
import { PathError, type PathErrorCode } from "./path_error.ts";

/** Which certificates of a path are looked up. */
export interface Revocation {
  readonly crls: CrlSet;
  /** `leaf`: only the first; `chain`: all but the anchor. */
  readonly crlCheck: "leaf" | "chain";
  /** Whether a certificate of which no list speaks is refused. */
  readonly requireCrl: boolean;
  readonly material: Material;
  /** Whether the key of another certificate with the issuer's name is trusted to sign lists under the same anchor. */
  readonly isTrustedSigner: (signer: Certificate, anchor: Certificate) => Promise<boolean>;
}

/** The bits for all reasons (RFC 5280 section 4.2.1.13). */
const ALL_REASONS: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8];

/**
 * Looks up the certificates of a valid path in the lists of their issuers (RFC 5280 section 6.3.3).
 *
 * @throws {PathError}
 */
export async function checkRevocation(path: Path, revocation: Revocation): Promise<void> {
  const last = revocation.crlCheck === "chain" ? path.length - 2 : Math.min(0, path.length - 2);
  for (let index = last; index >= 0; index--) await new Lookup(path, index, revocation).run();
}

class Lookup {
  readonly #certificate: Certificate;
  readonly #issuer: Certificate;
  readonly #anchor: Certificate;

  constructor(path: Path, readonly index: number, readonly revocation: Revocation) {
    this.#certificate = path[index]!;
    this.#issuer = path[index + 1]!;
    this.#anchor = path.at(-1)!;
  }

  async run(): Promise<void> {
    const { crls, requireCrl } = this.revocation;
    const reasons = new Set<number>();
    let problem: PathError | null = null;
    for (const list of crls.of(this.#certificate.issuer)) {
      const failure = await this.#examine(list);
      if (failure?.code === "pki/path-revoked") throw failure;
      if (failure !== null) problem ??= failure;
      else if (this.#isSpokenOf(list)) (list.scope.reasons ?? ALL_REASONS).forEach((bit) => reasons.add(bit));
    }
    if (ALL_REASONS.every((bit) => reasons.has(bit))) return;
    if (problem !== null) throw problem;
    if (requireCrl) {
      throw this.#error("pki/path-crl-missing", "is spoken of by no complete revocation list", "6.3.3");
    }
  }

  /** A serial number that is listed is revoked, whatever else the list speaks of, or is too old to say. */
  async #examine(list: Crl): Promise<PathError | null> {
    if (!await this.#isSigned(list)) {
      const found = "has an issuer whose revocation list is not signed by a key that may";
      return this.#error("pki/path-crl-signature", found, "6.3.3 (f) and (g)");
    }
    if (list.revoked.has(this.#certificate.serialNumber)) {
      return this.#error("pki/path-revoked", "was revoked by its issuer", "6.3.3 (i)");
    }
    const { now } = this.revocation.material;
    if (now < list.thisUpdate) {
      const found = `has an issuer whose revocation list begins at ${
        new Date(list.thisUpdate).toISOString()
      }`;
      return this.#error("pki/path-crl-not-yet-valid", found, "5.1.2.4");
    }
    if (now > list.nextUpdate) {
      const found = `has an issuer whose revocation list has ended at ${
        new Date(list.nextUpdate).toISOString()
      }`;
      return this.#error("pki/path-crl-expired", found, "5.1.2.5");
    }
    return null;
  }

  async #isSigned(list: Crl): Promise<boolean> {
    if (await this.#isSignedBy(list, this.#issuer)) return true;
    const { anchors, intermediates } = this.revocation.material;
    for (const signer of [...anchors, ...intermediates]) {
      const isOther = signer.subject.key === list.issuer.key &&
        signer.spkiSha256Base64 !== this.#issuer.spkiSha256Base64;
      if (!isOther || !await this.#isSignedBy(list, signer)) continue;
      if (await this.revocation.isTrustedSigner(signer, this.#anchor)) return true;
    }
    return false;
  }

  async #isSignedBy(list: Crl, issuer: Certificate): Promise<boolean> {
    if (issuer.extensions.keyUsage?.has("cRLSign") === false) return false;
    const { crls, material } = this.revocation;
    try {
      const verify = () => isSignedBy(list, { issuer, material });
      return await crls.isVerified(list, { spkiSha256Base64: issuer.spkiSha256Base64, verify });
    } catch (error) {
      if (error instanceof KeyError) return false;
      throw error;
    }
  }

  #isSpokenOf({ scope }: Crl): boolean {
    const { extensions, issuer } = this.#certificate;
    const isAuthority = extensions.basicConstraints?.isAuthority === true;
    if (scope.certificates === (isAuthority ? "leaf" : "authorities")) return false;
    if (scope.distributionPoints.length === 0) return true;
    const names = (extensions.crlDistributionPoints ?? []).filter(({ isIndirect }) => !isIndirect)
      .flatMap((point) => point.names);
    return shareName([names, scope.distributionPoints], issuer);
  }

  #error(code: PathErrorCode, found: string, section: string): PathError {
    return new PathError(code, found, { certificate: this.#certificate, index: this.index, section });
  }
}
