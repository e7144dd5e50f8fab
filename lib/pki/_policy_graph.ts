import type { Work } from "./_work.ts";
import type { CertificateExtensions } from "./certificate.ts";
import type { PolicyInputs } from "./validate_path.ts";

/** The policy that stands for all (RFC 5280 section 4.2.1.4). */
export const ANY_POLICY = "2.5.29.32.0";

interface Node {
  /** Policies of the level above. */
  readonly parents: Set<string>;
  /** What the policy is called one level below. */
  expected: ReadonlySet<string>;
}

type Level = Map<string, Node>;

/** The place of a certificate in its path. */
export interface PolicyStep {
  readonly isLeaf: boolean;
  readonly isSelfIssued: boolean;
}

/**
 * The certificate policies along a path (RFC 5280 section 6.1). The nodes of a level form a graph, not a tree, so that
 * there are never more of them than policies (RFC 9618 section 5).
 */
export class PolicyGraph {
  readonly #acceptable: ReadonlySet<string>;
  readonly #work: Work;
  /** From the trust anchor on; empty when no policy is valid any more. */
  #levels: Level[] = [new Map([[ANY_POLICY, { parents: new Set(), expected: new Set([ANY_POLICY]) }]])];
  /** Certificates that may still follow before each takes effect. */
  #explicit: number;
  #mapping: number;
  #any: number;

  /** A graph for a path of any length. */
  constructor(inputs: PolicyInputs, work: Work) {
    this.#acceptable = new Set(inputs.acceptable ?? [ANY_POLICY]);
    this.#work = work;
    this.#explicit = inputs.requireExplicit === true ? 0 : Infinity;
    this.#mapping = inputs.inhibitMapping === true ? 0 : Infinity;
    this.#any = inputs.inhibitAny === true ? 0 : Infinity;
  }

  /** Takes the next certificate. @returns what is wrong, as a clause about it, or `null` */
  add(extensions: CertificateExtensions, step: PolicyStep): string | null {
    this.#addLevel(extensions.policies ?? new Set(), step);
    if (this.#explicit === 0 && this.#levels.length === 0) return "has no policy that is valid for the path";
    if (step.isLeaf) return this.#finish(extensions);
    const mappings = extensions.policyMappings ?? [];
    if (mappings.some((mapping) => Object.values(mapping).includes(ANY_POLICY))) {
      return "maps the policy of all policies";
    }
    this.#map(mappings);
    if (!step.isSelfIssued) {
      this.#explicit = Math.max(0, this.#explicit - 1);
      this.#mapping = Math.max(0, this.#mapping - 1);
      this.#any = Math.max(0, this.#any - 1);
    }
    this.#explicit = Math.min(this.#explicit, extensions.requireExplicitPolicy ?? Infinity);
    this.#mapping = Math.min(this.#mapping, extensions.inhibitPolicyMapping ?? Infinity);
    this.#any = Math.min(this.#any, extensions.inhibitAnyPolicy ?? Infinity);
    return null;
  }

  /** The acceptable policies that the path is valid for; `ANY_POLICY` stands for all. */
  get valid(): readonly string[] {
    const policies = this.#policiesOfAnchor();
    if (this.#acceptable.has(ANY_POLICY)) return [...policies];
    return [...this.#acceptable].filter((policy) => policies.has(policy) || policies.has(ANY_POLICY));
  }

  /** 6.1.3 (d) and (e). */
  #addLevel(policies: ReadonlySet<string>, { isLeaf, isSelfIssued }: PolicyStep): void {
    const above = this.#levels.at(-1);
    if (above === undefined) return;
    this.#work.spend("comparisons", policies.size);
    const parentsOf = this.#parentsByExpected(above);
    const level: Level = new Map();
    for (const policy of policies) {
      if (policy === ANY_POLICY) continue;
      const parents = parentsOf.get(policy) ?? (above.has(ANY_POLICY) ? new Set([ANY_POLICY]) : null);
      if (parents !== null) level.set(policy, { parents, expected: new Set([policy]) });
    }
    if (policies.has(ANY_POLICY) && (this.#any > 0 || (!isLeaf && isSelfIssued))) {
      for (const [policy, parents] of parentsOf) {
        if (!level.has(policy)) level.set(policy, { parents, expected: new Set([policy]) });
      }
    }
    this.#push(level);
  }

  #parentsByExpected(level: Level): Map<string, Set<string>> {
    const parentsOf = new Map<string, Set<string>>();
    for (const [policy, { expected }] of level) {
      this.#work.spend("comparisons", expected.size);
      for (const name of expected) {
        const parents = parentsOf.get(name) ?? new Set();
        parentsOf.set(name, parents.add(policy));
      }
    }
    return parentsOf;
  }

  /** 6.1.4 (b). */
  #map(mappings: readonly { issuerPolicy: string; subjectPolicy: string }[]): void {
    const level = this.#levels.at(-1);
    if (level === undefined) return;
    this.#work.spend("comparisons", mappings.length);
    const subjects = new Map<string, Set<string>>();
    for (const { issuerPolicy, subjectPolicy } of mappings) {
      subjects.set(issuerPolicy, (subjects.get(issuerPolicy) ?? new Set()).add(subjectPolicy));
    }
    const hasAny = level.has(ANY_POLICY);
    for (const [policy, expected] of subjects) {
      const node = level.get(policy);
      if (this.#mapping === 0) level.delete(policy);
      else if (node !== undefined) node.expected = expected;
      else if (hasAny) level.set(policy, { parents: new Set([ANY_POLICY]), expected });
    }
    if (level.size === 0) this.#levels = [];
  }

  /** 6.1.5 (a), (b) and (g). */
  #finish({ requireExplicitPolicy }: CertificateExtensions): string | null {
    this.#explicit = Math.max(0, this.#explicit - 1);
    if (requireExplicitPolicy === 0) this.#explicit = 0;
    if (this.#explicit > 0 || this.valid.length > 0) return null;
    return "is not valid for any policy that is acceptable";
  }

  #push(level: Level): void {
    if (level.size === 0) this.#levels = [];
    else this.#levels.push(level);
  }

  /** What the policies of the last level are called where they begin: below the policy "any". */
  #policiesOfAnchor(): ReadonlySet<string> {
    const found = new Set<string>();
    let reached: ReadonlySet<string> = new Set(this.#levels.at(-1)?.keys());
    if (reached.has(ANY_POLICY)) found.add(ANY_POLICY);
    for (const level of this.#levels.slice(1).toReversed()) {
      const parents = new Set<string>();
      for (const policy of reached) {
        for (const parent of level.get(policy)?.parents ?? []) {
          if (parent !== ANY_POLICY) parents.add(parent);
          else found.add(policy);
        }
      }
      reached = parents;
    }
    return found;
  }
}
