import type { NameFilter } from "../../codec/name_filter.ts";
import type { Certificate } from "../../pki/certificate.ts";
import type { DistinguishedName } from "../../pki/distinguished_name.ts";
import { nameAttributes } from "../../pki/name_attributes.ts";
import type { Candidate, UsableCandidate } from "./candidate.ts";

/** What a certificate must be like. */
export interface SelectionRules {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: number;
  /** The authorities that the gateway accepts; `null` or empty: it does not say. */
  readonly authorities: readonly DistinguishedName[] | null;
  /** Of the name of the certificate's own issuer. */
  readonly issuer: NameFilter;
  /** Of the name of its subject. */
  readonly subject: NameFilter;
}

/** Why a candidate is taken, or is not. */
export type SelectionOutcome =
  | "taken"
  | "not-first"
  | "unusable"
  | "not-yet-valid"
  | "expired"
  | "wrong-usage"
  | "other-authority"
  | "other-issuer"
  | "other-subject";

/** What became of a candidate. */
export interface Verdict {
  /** Of which. */
  readonly candidate: Candidate;
  /** The rule that decided. */
  readonly outcome: SelectionOutcome;
  /** The same for a person. */
  readonly reason: string;
}

const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const ANY_USAGE = "2.5.29.37.0";

const REASONS: Readonly<Record<Exclude<SelectionOutcome, "unusable">, string>> = {
  "taken": "taken: the first that fits",
  "not-first": "fits, but another comes first",
  "not-yet-valid": "not valid yet",
  "expired": "expired",
  "wrong-usage": "not for TLS clients, by its key usage",
  "other-authority": "not from an authority that the gateway accepts",
  "other-issuer": "--client-cert-issuer asks for another",
  "other-subject": "--client-cert-subject asks for another",
};

/**
 * Goes through the candidates in order; the first that meets every rule, and whose key can be had, is taken.
 *
 * @returns one verdict for each
 */
export async function selectCandidate(
  candidates: readonly Candidate[],
  rules: SelectionRules,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  let isTaken = false;
  for (const found of candidates) {
    const objection = "fault" in found ? null : objectionTo(found.chain, rules);
    const isWanted: boolean = objection === null && !isTaken;
    const candidate = isWanted && "open" in found ? await found.open() : found;
    if ("fault" in candidate) {
      verdicts.push({ candidate, outcome: "unusable", reason: candidate.fault.message });
      continue;
    }
    const outcome = objection ?? (isTaken ? "not-first" : "taken");
    isTaken ||= isWanted;
    verdicts.push({ candidate, outcome, reason: REASONS[outcome] });
  }
  return verdicts;
}

/** The one that was taken. */
export function takenOf(verdicts: readonly Verdict[]): UsableCandidate | null {
  const candidate = verdicts.find(({ outcome }) => outcome === "taken")?.candidate;
  return candidate !== undefined && "certificate" in candidate ? candidate : null;
}

type Objection = Exclude<SelectionOutcome, "taken" | "not-first" | "unusable">;

function objectionTo(chain: UsableCandidate["chain"], rules: SelectionRules): Objection | null {
  const [own] = chain;
  if (rules.now < own.notBefore) return "not-yet-valid";
  if (rules.now > own.notAfter) return "expired";
  if (!isForClients(own)) return "wrong-usage";
  if (!isFromAny(chain, rules.authorities ?? [])) return "other-authority";
  if (!rules.issuer.matches(nameAttributes(own.issuer))) return "other-issuer";
  return rules.subject.matches(nameAttributes(own.subject)) ? null : "other-subject";
}

/** RFC 5280 section 4.2.1.12; the client signs the handshake (RFC 8446 section 4.4.2.2). */
function isForClients({ extensions: { keyUsage, extendedKeyUsage } }: Certificate): boolean {
  const hasPurpose = extendedKeyUsage === undefined || extendedKeyUsage.has(CLIENT_AUTH) ||
    extendedKeyUsage.has(ANY_USAGE);
  return hasPurpose && (keyUsage === undefined || keyUsage.has("digitalSignature"));
}

function isFromAny(chain: readonly Certificate[], authorities: readonly DistinguishedName[]): boolean {
  if (authorities.length === 0) return true;
  const accepted = new Set(authorities.map(({ key }) => key));
  return chain.some(({ issuer }) => accepted.has(issuer.key));
}
