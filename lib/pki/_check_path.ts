import type { Path } from "./_find_path.ts";
import { findForbiddenName } from "./_name_constraints.ts";
import { PolicyGraph } from "./_policy_graph.ts";
import { KeyError, readPublicKey } from "./_public_key.ts";
import type { Work } from "./_work.ts";
import type { KeyUsage, NameConstraints } from "./certificate.ts";
import { PathError, type PathErrorCode } from "./path_error.ts";
import type { PathPurpose, PolicyInputs } from "./validate_path.ts";

/** What a path is examined by. */
export interface Rules {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly purpose: PathPurpose;
  /** Certificates above the leaf, the anchor included; 0 is unlimited. */
  readonly maxDepth: number;
  readonly policies: PolicyInputs;
  readonly work: Work;
}

const ANY_USAGE = "2.5.29.37.0";
const EXTENDED_USAGES: Readonly<Record<PathPurpose, string | null>> = {
  "client-auth": "1.3.6.1.5.5.7.3.2",
  "server-auth": "1.3.6.1.5.5.7.3.1",
  any: null,
};
/** One of these must be allowed (RFC 5246 section 7.4.2, RFC 8446 section 4.4.2.2). */
const KEY_USAGES: Readonly<Record<PathPurpose, readonly KeyUsage[]>> = {
  "client-auth": ["digitalSignature"],
  "server-auth": ["digitalSignature", "keyEncipherment", "keyAgreement"],
  any: [],
};
const MAX_SERIAL_BYTES = 20;

/**
 * Examines a path whose names and signatures fit, from the trust anchor down (RFC 5280 sections 6.1.3 to 6.1.5). What
 * the anchor's certificate says binds it as well (RFC 5937), except that it may be of an older version.
 *
 * @returns the acceptable policies that it is valid for
 * @throws {PathError}
 */
export function checkPath(path: Path, rules: Rules): readonly string[] {
  const check = new PathCheck(path, rules);
  for (const index of path.keys().toArray().toReversed()) check.examine(index);
  return check.policies.valid;
}

class PathCheck {
  readonly policies: PolicyGraph;
  readonly #path: Path;
  readonly #rules: Rules;
  readonly #constraints: NameConstraints[] = [];
  /** Authorities that may still follow. */
  #pathLength = Infinity;

  constructor(path: Path, rules: Rules) {
    this.#path = path;
    this.#rules = rules;
    this.policies = new PolicyGraph(rules.policies, rules.work);
    const { maxDepth } = rules;
    if (maxDepth > 0 && path.length - 1 > maxDepth) {
      const found = `needs ${path.length - 1} certificates above it: ${maxDepth} are allowed`;
      this.#fail(0, "pki/path-too-deep", { found, section: "6.1" });
    }
  }

  examine(index: number): void {
    const isAnchor = index === this.#path.length - 1;
    if (!isAnchor || index === 0) this.#checkForm(index);
    this.#checkKey(index);
    this.#checkValidity(index);
    if (!isAnchor) this.#checkNamesAndPolicies(index);
    if (index > 0) this.#prepareForNext(index, isAnchor);
    this.#checkUsage(index);
    this.#checkUnknown(index);
  }

  #checkForm(index: number): void {
    const { version, serialNumber, subject, issuer, extensions } = this.#path[index]!;
    if (version !== 3) {
      const found = `is of version ${version}: only trust anchors may be older than version 3`;
      this.#fail(index, "pki/path-version", { found, section: "4.1.2.1" });
    }
    if (!isSerial(serialNumber)) {
      const found = "has a serial number that is not positive and at most 20 bytes long";
      this.#fail(index, "pki/path-serial-number", { found, section: "4.1.2.2" });
    }
    if (issuer.rdns.length === 0) {
      this.#fail(index, "pki/path-empty-name", { found: "names no issuer", section: "4.1.2.4" });
    }
    const isNamed = extensions.subjectAlternativeNamesCritical === true && index === 0;
    if (subject.rdns.length === 0 && !isNamed) {
      const found = "has no subject, and no critical alternative names instead of it";
      this.#fail(index, "pki/path-empty-name", { found, section: "4.1.2.6" });
    }
  }

  /** Verifying has read every other key. */
  #checkKey(index: number): void {
    if (index > 0) return;
    try {
      readPublicKey(this.#path[index]!.spki);
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      this.#fail(index, error.code, { found: `has a key that ${error.message}`, section: "4.1.2.7" });
    }
  }

  #checkValidity(index: number): void {
    const { notBefore, notAfter } = this.#path[index]!;
    const { now } = this.#rules;
    const section = "6.1.3 (a)(2)";
    if (now < notBefore) {
      const found = `is not valid before ${formatTime(notBefore)}`;
      this.#fail(index, "pki/path-not-yet-valid", { found, section });
    }
    if (now > notAfter) {
      this.#fail(index, "pki/path-expired", { found: `has expired at ${formatTime(notAfter)}`, section });
    }
  }

  #checkNamesAndPolicies(index: number): void {
    const certificate = this.#path[index]!;
    const isLeaf = index === 0;
    const isSelfIssued = certificate.subject.key === certificate.issuer.key;
    if (isLeaf || !isSelfIssued) {
      const { work } = this.#rules;
      const forbidden = findForbiddenName(certificate, { constraints: this.#constraints, work });
      if (forbidden !== null) {
        const isExcluded = forbidden.code === "pki/path-name-excluded";
        const found = `has a name that an authority above ${
          isExcluded ? "excludes" : "does not permit"
        }: ${forbidden.name}`;
        this.#fail(index, forbidden.code, { found, section: `6.1.3 (${isExcluded ? "c" : "b"})` });
      }
    }
    const found = this.policies.add(certificate.extensions, { isLeaf, isSelfIssued });
    if (found !== null) {
      this.#fail(index, "pki/path-policy", { found, section: isLeaf ? "6.1.5 (g)" : "6.1.4" });
    }
    if (!isLeaf && !isSelfIssued) this.#takePathLength(index);
  }

  #takePathLength(index: number): void {
    if (this.#pathLength === 0) {
      const found = "stands below more authorities than one above it allows";
      this.#fail(index, "pki/path-length", { found, section: "6.1.4 (l)" });
    }
    this.#pathLength--;
  }

  /** An anchor of a version that knows no extensions is an authority because it is listed. */
  #prepareForNext(index: number, isAnchor: boolean): void {
    const { version, extensions } = this.#path[index]!;
    const { basicConstraints, keyUsage, nameConstraints } = extensions;
    if (basicConstraints?.isAuthority !== true && !(isAnchor && version < 3)) {
      const found = "has issued a certificate without being an authority (CA)";
      this.#fail(index, "pki/path-not-ca", { found, section: "6.1.4 (k)" });
    }
    if (keyUsage?.has("keyCertSign") === false) {
      const found = "has issued a certificate, for which its key usage (keyCertSign) is missing";
      this.#fail(index, "pki/path-key-usage", { found, section: "6.1.4 (n)" });
    }
    if (nameConstraints !== undefined) this.#constraints.push(nameConstraints);
    this.#pathLength = Math.min(this.#pathLength, basicConstraints?.pathLength ?? Infinity);
  }

  /** An authority that lists purposes restricts those below it to them, as is done everywhere. */
  #checkUsage(index: number): void {
    const { keyUsage, extendedKeyUsage } = this.#path[index]!.extensions;
    const { purpose } = this.#rules;
    const wanted = EXTENDED_USAGES[purpose];
    const isListed = extendedKeyUsage === undefined || wanted === null || extendedKeyUsage.has(wanted) ||
      extendedKeyUsage.has(ANY_USAGE);
    if (!isListed) {
      const found = `is not for ${purpose === "client-auth" ? "clients" : "servers"} (extended key usage)`;
      this.#fail(index, "pki/path-extended-key-usage", { found, section: "4.2.1.12" });
    }
    const usages = KEY_USAGES[purpose];
    if (index > 0 || usages.length === 0 || keyUsage === undefined) return;
    if (usages.some((usage) => keyUsage.has(usage))) return;
    const found = `has a key that is not for TLS (key usage ${usages.join(", ")})`;
    this.#fail(index, "pki/path-key-usage", { found, section: "4.2.1.3" });
  }

  #checkUnknown(index: number): void {
    const [id] = this.#path[index]!.extensions.unknownCritical;
    if (id === undefined) return;
    const found = `has a critical extension that is not understood: ${id}`;
    const section = index === 0 ? "6.1.5 (f)" : "6.1.4 (o)";
    this.#fail(index, "pki/path-unknown-critical-extension", { found, section });
  }

  #fail(index: number, code: PathErrorCode, { found, section }: { found: string; section: string }): never {
    throw new PathError(code, found, { certificate: this.#path[index]!, index, section });
  }
}

/** A first byte of zero keeps a positive number from looking negative, and does not count. */
function isSerial(hex: string): boolean {
  const isPositive = hex !== "00" && parseInt(hex[0]!, 16) < 8;
  return isPositive && hex.replace(/^00/, "").length <= 2 * MAX_SERIAL_BYTES;
}

function formatTime(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}
