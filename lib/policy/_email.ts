/**
 * What follows the last `@` of an email address, since a quoted local part may hold one (RFC 5321 section 4.1.2); empty
 * without `@`.
 */
export function domainOf(email: string): string {
  const at = email.lastIndexOf("@");
  return at < 0 ? "" : email.slice(at + 1);
}

/** What stands before the last `@` of an email address; empty without `@`. */
export function localPartOf(email: string): string {
  return email.slice(0, Math.max(0, email.lastIndexOf("@")));
}
