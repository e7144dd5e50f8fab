import type { Certificate, GeneralSubtree, NameConstraints } from "./certificate.ts";
import { type DistinguishedName, formatName } from "./distinguished_name.ts";
import type { GeneralName } from "./general_name.ts";
import type { Work } from "./_work.ts";

/** A name that an authority may not certify. */
export interface ForbiddenName {
  readonly code: "pki/path-name-not-permitted" | "pki/path-name-excluded";
  /** The name, for people. */
  readonly name: string;
}

const EMAIL_ADDRESS = "1.2.840.113549.1.9.1";
/** Letters, digits, hyphens and, as people use them, underscores. */
const HOST = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;
const LAST_LABEL_IS_NUMBER = /(?:^|\.)\d+$/;
/** With nothing in it that another reader could take for the end of the host (RFC 3986 section 3.2). */
const URI_HOST = /^[a-z][a-z0-9+.-]*:\/\/(?:[\w.~!$&'()*+,;=:%-]*@)?([\w.-]*)(?::\d*)?(?:[/?#]|$)/i;
const MAX_SHOWN_LENGTH = 200;

/**
 * The first name of a certificate that the constraints of the authorities above do not let through (RFC 5280
 * section 4.2.1.10): its subject, e-mail addresses in it, and its alternative names. A name that cannot be compared is
 * not let through wherever its kind is constrained, and no name of a kind whose constraint cannot be understood.
 *
 * @throws {PathError} `pki/path-too-much-work`
 */
export function findForbiddenName(
  certificate: Certificate,
  { constraints, work }: { constraints: readonly NameConstraints[]; work: Work },
): ForbiddenName | null {
  if (constraints.length === 0) return null;
  const names = namesOf(certificate);
  for (const { permitted, excluded } of constraints) {
    work.spend("comparisons", names.length * (permitted.length + excluded.length));
    for (const name of names) {
      const code = verdictOn(name, { permitted, excluded });
      if (code !== null) return { code, name: describe(name) };
    }
  }
  return null;
}

function namesOf({ subject, extensions }: Certificate): GeneralName[] {
  const names: GeneralName[] = [...extensions.subjectAlternativeNames];
  if (subject.rdns.length > 0) names.push({ type: "directory", name: subject });
  for (const { type, value } of subject.rdns.flat()) {
    if (type === EMAIL_ADDRESS) names.push({ type: "email", value });
  }
  return names;
}

function verdictOn(
  name: GeneralName,
  { permitted, excluded }: NameConstraints,
): ForbiddenName["code"] | null {
  const permittedHere = permitted.filter((base) => isOfOneForm(name, base));
  const excludedHere = excluded.filter((base) => isOfOneForm(name, base));
  if (permittedHere.length + excludedHere.length === 0) return null;
  const isClear = isComparable(name) && [...permittedHere, ...excludedHere].every(isBase);
  if (!isClear) return "pki/path-name-not-permitted";
  if (excludedHere.some((base) => isWithin(name, base) || isTouched(name, base))) {
    return "pki/path-name-excluded";
  }
  const isPermitted = permittedHere.length === 0 || permittedHere.some((base) => isWithin(name, base));
  return isPermitted ? null : "pki/path-name-not-permitted";
}

/** A user principal name is an otherName. */
function isOfOneForm(name: GeneralName, base: GeneralSubtree): boolean {
  const form = ({ type }: GeneralName) => type === "upn" ? "other" : type;
  return form(name) === form(base);
}

function isComparable(name: GeneralName): boolean {
  switch (name.type) {
    case "dns":
      return HOST.test(name.value.replace(/^\*\./, ""));
    case "email":
      return HOST.test(hostOfEmail(name.value) ?? "");
    case "uri":
      return hostOfUri(name.value) !== null;
    case "ip":
    case "directory":
      return true;
    default:
      return false;
  }
}

/** Whether a tree of names is written as it must be: empty, a host, all below one after a dot, or a mailbox. */
function isBase(base: GeneralSubtree): boolean {
  if (!("value" in base) || base.value === "") return true;
  const isMailbox = base.type === "email" && base.value.includes("@");
  return HOST.test(isMailbox ? hostOfEmail(base.value) ?? "" : base.value.replace(/^\./, ""));
}

function isWithin(name: GeneralName, base: GeneralSubtree): boolean {
  if (name.type === "ip" && base.type === "ip") return isInRange(name.bytes, base.bytes);
  if (name.type === "directory" && base.type === "directory") return isBelow(name.name, base.name);
  if (!("value" in name) || !("value" in base)) return false;
  const wanted = base.value.toLowerCase();
  switch (name.type) {
    case "dns":
      return isHostBelow(name.value.toLowerCase(), wanted);
    case "email":
      return base.value.includes("@")
        ? isSameMailbox(name.value, base.value)
        : isHostOrBelowDot(hostOfEmail(name.value)!, wanted);
    case "uri":
      return isHostOrBelowDot(hostOfUri(name.value)!, wanted);
    default:
      return false;
  }
}

/** Whether a wildcard stands for names in `base` that it is not within itself. */
function isTouched(name: GeneralName, base: GeneralSubtree): boolean {
  if (name.type !== "dns" || base.type !== "dns" || !name.value.startsWith("*.")) return false;
  const parent = name.value.slice(1).toLowerCase();
  return base.value.toLowerCase().endsWith(parent);
}

/** A host and all below it; with a dot in front only what is below. */
function isHostBelow(host: string, base: string): boolean {
  return base === "" || host === base || host.endsWith(base.startsWith(".") ? base : `.${base}`);
}

/** One host; with a dot in front all that is below. */
function isHostOrBelowDot(host: string, base: string): boolean {
  return base === "" || (base.startsWith(".") ? host.endsWith(base) : host === base);
}

/** Letter case counts before the `@` only. */
function isSameMailbox(left: string, right: string): boolean {
  const at = (mailbox: string) => mailbox.lastIndexOf("@");
  return left.slice(0, at(left)) === right.slice(0, at(right)) && hostOfEmail(left) === hostOfEmail(right);
}

function hostOfEmail(mailbox: string): string | null {
  const at = mailbox.lastIndexOf("@");
  return at < 1 ? null : mailbox.slice(at + 1).toLowerCase();
}

/** The host, in lower case; `null` when it is an address, or there is none (RFC 5280 section 4.2.1.10). */
function hostOfUri(uri: string): string | null {
  const host = URI_HOST.exec(uri)?.[1]?.toLowerCase() ?? "";
  return HOST.test(host) && !LAST_LABEL_IS_NUMBER.test(host) ? host : null;
}

function isInRange(address: Uint8Array, range: Uint8Array): boolean {
  const size = range.length / 2;
  return address.length === size &&
    address.every((byte, index) => ((byte ^ range[index]!) & range[size + index]!) === 0);
}

function isBelow(name: DistinguishedName, base: DistinguishedName): boolean {
  return base.rdnKeys.every((key, index) => name.rdnKeys[index] === key);
}

function describe(name: GeneralName): string {
  if (name.type === "directory") return formatName(name.name);
  if (name.type === "ip") return `IP address ${name.bytes.toHex()}`;
  return "value" in name
    ? JSON.stringify(name.value.slice(0, MAX_SHOWN_LENGTH))
    : `a name of type ${name.type}`;
}
