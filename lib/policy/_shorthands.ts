import { requireTexts } from "./_data.ts";
import { MAX_CRITERIA } from "./_limits.ts";
import { PolicyError, type PolicyPlace, within } from "./errors.ts";
import type { PolicyBlock, PolicyCriterion } from "./parse.ts";

/** Settings that stand beside `policy` in a route. Each of them lets in more, none of them less. */
export interface RouteShorthands {
  /** `allow_public_unauthenticated_access`: everyone, signed in or not. Default false. */
  readonly allowPublicUnauthenticatedAccess?: boolean | undefined;
  /** `allow_any_authenticated_user`: everyone who is signed in. Default false. */
  readonly allowAnyAuthenticatedUser?: boolean | undefined;
  /** `cors_allow_preflight`: the questions that browsers ask before requests of other sites. Default false. */
  readonly corsAllowPreflight?: boolean | undefined;
  /** `allowed_users`: whose user id or email is one of these, at most 10,000. Default none. */
  readonly allowedUsers?: readonly string[] | undefined;
  /** `allowed_domains`: whose email has one of these after the `@`, at most 10,000. Default none. */
  readonly allowedDomains?: readonly string[] | undefined;
  /** `allowed_idp_claims`: who has one of the values in one of the claims, at most 10,000 in all. Default none. */
  readonly allowedIdpClaims?:
    | Readonly<Record<string, readonly (string | number | boolean)[]>>
    | undefined;
}

/** Pairs of which the first makes the second meaningless. */
const CONFLICTS: readonly (readonly [ShorthandKey, ShorthandKey])[] = [
  ["allow_public_unauthenticated_access", "allow_any_authenticated_user"],
  ["allow_public_unauthenticated_access", "allowed_users"],
  ["allow_public_unauthenticated_access", "allowed_domains"],
  ["allow_any_authenticated_user", "allowed_users"],
  ["allow_any_authenticated_user", "allowed_domains"],
];

type ShorthandKey = keyof ReturnType<typeof criteriaByKey>;

/**
 * The one `allow` block that the shorthands of a route stand for; `null` when none is set.
 *
 * @throws {PolicyError} relative to the route: `policy/shorthand-conflict`, `policy/bad-data`, `policy/too-large`
 */
export function shorthandBlock(shorthands: RouteShorthands): PolicyBlock | null {
  const byKey = criteriaByKey(shorthands);
  for (const [wide, narrow] of CONFLICTS) {
    if (byKey[wide].length === 0 || byKey[narrow].length === 0) continue;
    const message = `${wide} and ${narrow} contradict each other`;
    throw new PolicyError("policy/shorthand-conflict", message, {
      place: placeOf(narrow),
      hint: "keep one of them",
    });
  }
  const criteria = Object.values(byKey).flat();
  const excess = criteria[MAX_CRITERIA];
  if (excess !== undefined) {
    const message = `The route has more than ${MAX_CRITERIA} values in its claims`;
    throw new PolicyError("policy/too-large", message, { place: excess.place });
  }
  return criteria.length === 0 ? null : {
    action: "allow",
    operator: "or",
    criteria,
    place: { relativeTo: "route", path: [] },
  };
}

function criteriaByKey(shorthands: RouteShorthands) {
  const users = textsOf(shorthands.allowedUsers, "allowed_users");
  const domains = textsOf(shorthands.allowedDomains, "allowed_domains");
  const claims = Object.entries(shorthands.allowedIdpClaims ?? {});
  const isPublic = shorthands.allowPublicUnauthenticatedAccess === true;
  const isAnyUser = shorthands.allowAnyAuthenticatedUser === true;
  return {
    allow_public_unauthenticated_access: isPublic
      ? [criterion("accept", { data: null, key: "allow_public_unauthenticated_access" })]
      : [],
    allow_any_authenticated_user: isAnyUser
      ? [criterion("authenticated_user", { data: null, key: "allow_any_authenticated_user" })]
      : [],
    cors_allow_preflight: shorthands.corsAllowPreflight === true
      ? [criterion("cors_preflight", { data: null, key: "cors_allow_preflight" })]
      : [],
    allowed_users: users.length > 0
      ? ["user", "email"].map((name) => criterion(name, { data: { in: users }, key: "allowed_users" }))
      : [],
    allowed_domains: domains.length > 0
      ? [criterion("domain", { data: { in: domains }, key: "allowed_domains" })]
      : [],
    allowed_idp_claims: claims.flatMap(([name, values]) => claimCriteria(name, values)),
  };
}

function criterion(name: string, options: { data: unknown; key: string }): PolicyCriterion {
  return { name, subpath: null, data: options.data, place: placeOf(options.key) };
}

function claimCriteria(name: string, values: readonly unknown[]): PolicyCriterion[] {
  const place = within(placeOf("allowed_idp_claims"), name);
  return requireTexts(values, place).map((data, index) => {
    return { name: "claim", subpath: name, data, place: within(place, index) };
  });
}

function textsOf(values: readonly string[] | undefined, key: string): string[] {
  const texts = requireTexts(values ?? [], placeOf(key));
  // Someone whose provider sends no email would be one of them.
  const empty = texts.indexOf("");
  if (empty >= 0) {
    throw new PolicyError("policy/bad-data", "An empty text names nobody", {
      place: within(placeOf(key), empty),
    });
  }
  return texts;
}

function placeOf(key: string): PolicyPlace {
  return { relativeTo: "route", path: [key] };
}
