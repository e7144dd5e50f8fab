import { checkPath, type Rules } from "./_check_path.ts";
import { findPath, type Material, type Path } from "./_find_path.ts";
import { checkRevocation } from "./_revocation.ts";
import { Work } from "./_work.ts";
import type { Certificate } from "./certificate.ts";
import type { CrlSet } from "./crl_set.ts";
import { PathError } from "./path_error.ts";

/** What the leaf of a path is to be used for; `any`: for whatever, such as signing a revocation list. */
export type PathPurpose = "client-auth" | "server-auth" | "any";

/** What the one who relies on a path asks of its certificate policies (RFC 5280 section 6.1.1 (c) to (g)). */
export interface PolicyInputs {
  /** The policies that are acceptable. Default: any. */
  readonly acceptable?: readonly string[];
  /** The path must be valid for at least one of them. Default: no. */
  readonly requireExplicit?: boolean;
  /** No authority may map one policy to another. Default: they may. */
  readonly inhibitMapping?: boolean;
  /** The policy "any" stands for none. Default: it stands for all. */
  readonly inhibitAny?: boolean;
}

/** What a certificate is validated against. */
export interface PathOptions {
  /** Certificates that may lead from the leaf to an anchor, in any order; none of them is trusted. */
  readonly intermediates: readonly Certificate[];
  /** Certificates that are trusted, self-signed or not. One that is the leaf itself makes it trusted. */
  readonly anchors: readonly Certificate[];
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: number;
  /** What the leaf is to be used for; `any` leaves the usages of its key out. */
  readonly purpose: PathPurpose;
  /** How many certificates may stand above the leaf, the anchor included. Default: 0, which is as many as can be: 15. */
  readonly maxDepth?: number;
  /** Revocation lists. Default: none. */
  readonly crls?: CrlSet;
  /** Whether the leaf alone is looked up in them, or the intermediates as well. Default: `leaf`. */
  readonly crlCheck?: "leaf" | "chain";
  /** Refuses a certificate of which no list speaks. Default: false, where it is not revoked. */
  readonly requireCrl?: boolean;
  /** What is asked of certificate policies. Default: nothing. */
  readonly policies?: PolicyInputs;
  /** Accepts signatures by RSA with SHA-1, which can be forged. Default: false. */
  readonly allowSha1?: boolean;
  /** How many signatures may be verified. Default: 100. */
  readonly maxSignatures?: number;
}

/** A path that is valid. */
export interface ValidPath {
  /** The leaf first, the trust anchor last. */
  readonly chain: readonly [Certificate, ...Certificate[]];
  /** The acceptable certificate policies that it is valid for, `2.5.29.32.0` standing for all. */
  readonly policies: readonly string[];
}

const MAX_SIGNATURES = 100;
const MAX_STEPS = 1000;
const MAX_COMPARISONS = 250_000;

/**
 * Finds a path from a certificate to a trust anchor and validates it (RFC 5280 section 6, and what docs/x509.md adds).
 * When several paths lead to an anchor, one valid path is enough.
 *
 * @throws {PathError} of the path that got furthest; its code says which check failed
 * @throws {RangeError} when `now` or `maxDepth` is no such number
 */
export async function validatePath(leaf: Certificate, options: PathOptions): Promise<ValidPath> {
  const { anchors, intermediates, now, purpose, maxDepth = 0, policies = {}, allowSha1 = false } = options;
  const { maxSignatures: signatures = MAX_SIGNATURES } = options;
  // A comparison with NaN is false, and would let everything pass.
  if (!Number.isFinite(now)) {
    throw new RangeError("Cannot validate a certificate as the time is not a number");
  }
  if (!Number.isInteger(maxDepth) || maxDepth < 0) {
    throw new RangeError(`Cannot validate a certificate as the depth is ${maxDepth}`);
  }
  const work = new Work({ signatures, steps: MAX_STEPS, comparisons: MAX_COMPARISONS });
  const material = { anchors, intermediates, now, work, allowSha1, verdicts: new Map() };
  return await new Validation(options, material).validate(leaf, { purpose, maxDepth, policies });
}

class Validation {
  readonly #options: PathOptions;
  readonly #material: Material;
  /** Signers of revocation lists that are being validated, which may not vouch for themselves. */
  readonly #signers = new Set<string>();

  constructor(options: PathOptions, material: Material) {
    this.#options = options;
    this.#material = material;
  }

  async validate(
    leaf: Certificate,
    asked: Pick<Rules, "purpose" | "maxDepth" | "policies">,
  ): Promise<ValidPath> {
    const { now, work } = this.#material;
    let policies: readonly string[] = [];
    const accept = async (path: Path) => {
      policies = checkPath(path, { ...asked, now, work });
      await this.#checkRevocation(path);
    };
    const chain = await findPath(leaf, { material: this.#material, accept });
    return { chain, policies };
  }

  async #checkRevocation(path: Path): Promise<void> {
    const { crls, crlCheck = "leaf", requireCrl = false } = this.#options;
    if (crls === undefined) return;
    const isTrustedSigner = (signer: Certificate, anchor: Certificate) =>
      this.#isTrustedSigner(signer, anchor);
    await checkRevocation(path, { crls, crlCheck, requireCrl, material: this.#material, isTrustedSigner });
  }

  /** RFC 5280 section 6.3.3 (f): under the same trust anchor. */
  async #isTrustedSigner(signer: Certificate, anchor: Certificate): Promise<boolean> {
    if (this.#signers.has(signer.fingerprintSha256)) return false;
    this.#signers.add(signer.fingerprintSha256);
    try {
      const { chain } = await this.validate(signer, { purpose: "any", maxDepth: 0, policies: {} });
      return chain.at(-1)!.fingerprintSha256 === anchor.fingerprintSha256;
    } catch (error) {
      if (error instanceof PathError && error.code !== "pki/path-too-much-work") return false;
      throw error;
    } finally {
      this.#signers.delete(signer.fingerprintSha256);
    }
  }
}
