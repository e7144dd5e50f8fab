import type { RouteShorthands } from "../../lib/policy/compile.ts";

/** The settings of a route that stand for rules, as they are written. */
export interface RouteKeys {
  readonly allow_public_unauthenticated_access?: boolean;
  readonly allow_any_authenticated_user?: boolean;
  readonly allowed_users?: readonly string[];
  readonly allowed_domains?: readonly string[];
  readonly allowed_idp_claims?: Readonly<Record<string, readonly (string | number | boolean)[]>>;
}

/** The settings as a policy takes them. */
export function shorthandsOf(route: RouteKeys): RouteShorthands {
  return {
    allowPublicUnauthenticatedAccess: route.allow_public_unauthenticated_access,
    allowAnyAuthenticatedUser: route.allow_any_authenticated_user,
    allowedUsers: route.allowed_users,
    allowedDomains: route.allowed_domains,
    allowedIdpClaims: route.allowed_idp_claims,
  };
}
