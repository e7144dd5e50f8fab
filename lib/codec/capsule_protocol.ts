const KEY = "[a-z*][a-z0-9_.*-]*";
const NUMBER = String.raw`-?\d{1,12}\.\d{1,3}|-?\d{1,15}`;
const TEXT = String.raw`"(?:[ !#-\[\]-~]|\\["\\])*"`;
const TOKEN = String.raw`[A-Za-z*][\w!#$%&'*+.^${"`"}|~:/-]*`;
const BYTES = "[:][A-Za-z0-9+/=]*[:]";
const BOOLEAN = String.raw`\?[01]`;
const TRUE_ITEM = new RegExp(
  `^ *\\?1(?:; *${KEY}(?:=(?:${[NUMBER, TEXT, TOKEN, BYTES, BOOLEAN].join("|")}))?)* *$`,
);

/**
 * Whether the `Capsule-Protocol` field says yes (RFC 9297 section 3.4): a Structured Field Item (RFC 8941 section 3.3) that
 * is the boolean true, whose parameters mean nothing. Anything else is as if there were no field.
 *
 * @param value of the field, several joined by commas as RFC 9110 section 5.3 says; `null` when there is none
 */
export function saysCapsuleProtocol(value: string | null): boolean {
  return value !== null && TRUE_ITEM.test(value);
}
