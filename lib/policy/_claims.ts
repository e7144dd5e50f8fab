import { isRecord } from "./_data.ts";
import { MAX_CLAIM_DEPTH, MAX_CLAIM_PATH_LENGTH } from "./_limits.ts";
import { PolicyError, type PolicyErrorCode, type PolicyPlace } from "./errors.ts";

/** Claims by name, as JSON values. */
export type Claims = Readonly<Record<string, unknown>>;

/** Finds the values of a claim. */
export type ClaimLookup = (claims: Claims) => readonly unknown[];

/**
 * A {@link compileClaimLookup} for a path of at most 256 characters.
 *
 * @param options `code`: of the fault when it is longer
 * @throws {PolicyError} that code
 */
export function requireClaimLookup(
  path: string,
  options: { place: PolicyPlace; code: PolicyErrorCode },
): ClaimLookup {
  if (path.length > MAX_CLAIM_PATH_LENGTH) {
    const message = `The path of the claim is longer than ${MAX_CLAIM_PATH_LENGTH} characters`;
    throw new PolicyError(options.code, message, { place: options.place });
  }
  return compileClaimLookup(path);
}

/**
 * Finds the values of a claim: a list as it is, anything else as a list of one, an absent claim or `null` as an empty
 * list. The path is tried as the name of a claim; failing that it is split on `/` and `.` into at most 5 levels of
 * objects. Only own properties count, so that `constructor` or `__proto__` name nothing that was not sent.
 */
export function compileClaimLookup(path: string): ClaimLookup {
  const levels = path.split(/[/.]/);
  const isSplit = levels.length <= MAX_CLAIM_DEPTH;
  return (claims) => {
    if (Object.hasOwn(claims, path)) return listOf(claims[path]);
    return isSplit ? listOf(descend(claims, levels)) : [];
  };
}

function descend(claims: Claims, levels: readonly string[]): unknown {
  let node: unknown = claims;
  for (const level of levels) {
    if (!isRecord(node) || !Object.hasOwn(node, level)) return undefined;
    node = node[level];
  }
  return node;
}

function listOf(value: unknown): readonly unknown[] {
  const present = value ?? [];
  return Array.isArray(present) ? present : [present];
}
