import { KeyError, readPublicKey } from "./_public_key.ts";
import { type Signed, verifySignature } from "./_signature.ts";
import type { Work } from "./_work.ts";
import type { Certificate } from "./certificate.ts";
import { formatName } from "./distinguished_name.ts";
import { PathError, type PathErrorCode } from "./path_error.ts";

/** A certificate, those that lead up from it in order, and a trust anchor, which may be the certificate itself. */
export type Path = readonly [Certificate, ...Certificate[]];

/** What paths are made of, and what it may cost. */
export interface Material {
  readonly anchors: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly work: Work;
  readonly allowSha1: boolean;
  /** Signatures that were verified, by the fingerprint of what is signed and the key. */
  readonly verdicts: Map<string, boolean>;
}

/** The longest path that is looked for, anchor included. */
const MAX_PATH_LENGTH = 16;
/** A failure of a whole path tells more than one on the way, however long that was. */
const WHOLE_PATH = 2 * MAX_PATH_LENGTH;

/**
 * Finds a path from `leaf` to a trust anchor through intermediates in any order, cross-certificates and loops included,
 * depth first, the likeliest issuer first. A subject and its key stand in a path once (RFC 4158 section 2.4.2).
 *
 * @param accept examines a path whose names and signatures fit, and throws a `PathError` to have the search go on
 * @throws {PathError} of the path that got furthest
 */
export async function findPath(
  leaf: Certificate,
  { material, accept }: { material: Material; accept: (path: Path) => Promise<void> },
): Promise<Path> {
  const search = new Search(material, accept);
  const path = await search.extend([leaf]);
  if (path === null) throw search.failure;
  return path;
}

class Search {
  readonly #material: Material;
  readonly #accept: (path: Path) => Promise<void>;
  #failure: PathError | null = null;
  #failureRank = -1;

  constructor(material: Material, accept: (path: Path) => Promise<void>) {
    this.#material = material;
    this.#accept = accept;
  }

  /** Of everything that went wrong what tells most. */
  get failure(): PathError {
    if (this.#failure === null) throw new TypeError("A search that finds nothing must have failed");
    return this.#failure;
  }

  async extend(path: Path): Promise<Path | null> {
    const { anchors, intermediates, work } = this.#material;
    const last = path.at(-1)!;
    work.spend("steps");
    const isAnchor = anchors.some(({ fingerprintSha256 }) => fingerprintSha256 === last.fingerprintSha256);
    if (isAnchor) return await this.#isAccepted(path) ? path : null;
    for (const anchor of this.#issuersOf(last, anchors)) {
      const whole: Path = [...path, anchor];
      if (await this.#isSigned(path, anchor) && await this.#isAccepted(whole)) return whole;
    }
    for (const issuer of this.#issuersOf(last, intermediates)) {
      if (path.length + 1 >= MAX_PATH_LENGTH || path.some((one) => isSameEntity(one, issuer))) continue;
      const found = await this.#isSigned(path, issuer) ? await this.extend([...path, issuer]) : null;
      if (found !== null) return found;
    }
    const issuer = formatName(last.issuer) || "nobody";
    const found = `was issued by ${issuer}, from which no way leads to a trust anchor`;
    this.#note("pki/path-no-anchor", found, { path, section: "6.1.3 (a)(4)" });
    return null;
  }

  /** Those with the name, first the ones whose key is meant and that are good now. */
  #issuersOf({ issuer, extensions }: Certificate, candidates: readonly Certificate[]): Certificate[] {
    const score = ({ extensions: { subjectKeyIdentifier }, notBefore, notAfter }: Certificate) =>
      (subjectKeyIdentifier === extensions.authorityKeyIdentifier ? 0 : 2) +
      (notBefore <= this.#material.now && this.#material.now <= notAfter ? 0 : 1);
    return candidates.filter(({ subject }) => subject.key === issuer.key)
      .sort((left, right) => score(left) - score(right));
  }

  async #isSigned(path: Path, issuer: Certificate): Promise<boolean> {
    const last = path.at(-1)!;
    try {
      if (await isSignedBy(last, { issuer, material: this.#material })) return true;
      const found = `is not signed with the key of ${formatName(issuer.subject)}`;
      this.#note("pki/path-bad-signature", found, { path, section: "6.1.3 (a)(1)" });
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      this.#note(error.code, `has an issuer whose key ${error.message}`, { path, section: "6.1.3 (a)(1)" });
    }
    return false;
  }

  async #isAccepted(path: Path): Promise<boolean> {
    try {
      await this.#accept(path);
      return true;
    } catch (error) {
      if (!(error instanceof PathError) || error.code === "pki/path-too-much-work") throw error;
      this.#keep(error, WHOLE_PATH);
      return false;
    }
  }

  #note(code: PathErrorCode, found: string, { path, section }: { path: Path; section: string }): void {
    const details = { certificate: path.at(-1)!, index: path.length - 1, section };
    // A signature that fails was by somebody at least; no anchor is what is said when nothing else is known.
    const rank = 2 * path.length - (code === "pki/path-no-anchor" ? 1 : 0);
    this.#keep(new PathError(code, found, details), rank);
  }

  #keep(error: PathError, rank: number): void {
    if (rank <= this.#failureRank) return;
    this.#failure = error;
    this.#failureRank = rank;
  }
}

/**
 * Whether something was signed with the key in `issuer`; asked again, it costs no work.
 *
 * @throws {KeyError}; {PathError} `pki/path-too-much-work`
 */
export async function isSignedBy(
  signed: Signed & { readonly fingerprintSha256: string },
  { issuer, material }: { issuer: Certificate; material: Material },
): Promise<boolean> {
  const { verdicts, work, allowSha1 } = material;
  const key = `${signed.fingerprintSha256} ${issuer.spkiSha256Base64}`;
  const known = verdicts.get(key);
  if (known !== undefined) return known;
  work.spend("signatures");
  const verdict = await verifySignature(signed, { key: readPublicKey(issuer.spki), allowSha1 });
  verdicts.set(key, verdict);
  return verdict;
}

function isSameEntity(left: Certificate, right: Certificate): boolean {
  return left.subject.key === right.subject.key && left.spkiSha256Base64 === right.spkiSha256Base64;
}
