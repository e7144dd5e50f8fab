import { IdentityError } from "./identity_error.ts";

/** What may be said of a user beside the name. */
export interface UserFields {
  /** At most 254 characters with an `@`; default `<name>@localhost`. */
  readonly email?: string | undefined;
  /** At most 128 characters; default empty. */
  readonly displayName?: string | undefined;
  /** At most 64 groups of 1 to 128 characters; default none. */
  readonly groups?: readonly string[] | undefined;
}

const MAX_EMAIL = 254;
const MAX_DISPLAY_NAME = 128;
const MAX_GROUPS = 64;
const MAX_GROUP = 128;
const NAME = /^[a-z0-9._-]{1,64}$/;
const EMAIL = /^[^\s\p{C}@]+@[^\s\p{C}@]+$/u;
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u;

/** The name in lower case. @throws {IdentityError} `identity/bad-name` */
export function parseUserName(text: string): string {
  const name = text.toLowerCase();
  if (NAME.test(name)) return name;
  throw new IdentityError(
    "identity/bad-name",
    `Not a name for a user: ${JSON.stringify(text.slice(0, 64))}`,
    {
      hint: "use 1 to 64 of a-z, 0-9, dot, underscore and hyphen",
    },
  );
}

/**
 * Checks the fields and fills in the defaults.
 *
 * @throws {IdentityError} `identity/bad-email`, `identity/bad-display-name`, `identity/bad-groups`
 */
export function parseUserFields(
  fields: UserFields,
  name: string,
): { email: string; displayName: string; groups: readonly string[] } {
  const { email = `${name}@localhost`, displayName = "", groups = [] } = fields;
  if (email.length > MAX_EMAIL || !EMAIL.test(email)) {
    throw new IdentityError(
      "identity/bad-email",
      `An e-mail address needs an @ and at most ${MAX_EMAIL} characters`,
    );
  }
  if (displayName.length > MAX_DISPLAY_NAME || UNPRINTABLE.test(displayName)) {
    throw new IdentityError(
      "identity/bad-display-name",
      `A display name has at most ${MAX_DISPLAY_NAME} printable characters`,
    );
  }
  if (groups.length > MAX_GROUPS || !groups.every(isGroup)) {
    throw new IdentityError(
      "identity/bad-groups",
      `A user has at most ${MAX_GROUPS} groups of 1 to ${MAX_GROUP} printable characters`,
    );
  }
  return { email, displayName, groups: [...new Set(groups)] };
}

function isGroup(group: string): boolean {
  return group !== "" && group.length <= MAX_GROUP && !UNPRINTABLE.test(group);
}
