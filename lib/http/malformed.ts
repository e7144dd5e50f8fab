/** A request target in absolute-form (RFC 9112 section 3.2.2). */
const ABSOLUTE = /^https?:\/\/[^/?#]*/i;

/**
 * Whether a method is the same for everyone. Case counts (RFC 9110 section 9.1), but not for the platform, which makes
 * `PATCH` of `patch` on its way to a service: a policy would be asked about another method.
 */
export function isUnmistakable(method: string): boolean {
  return !/[a-z]/.test(method);
}

/** The path and query of a request target, whose host is that of the request if it has one. */
export function originForm(target: string): string {
  const rest = target.replace(ABSOLUTE, "");
  return rest === target || rest.startsWith("/") ? rest : `/${rest}`;
}
