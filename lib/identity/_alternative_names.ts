import { compileRegex } from "../base/regex/regex.ts";
import type { AlternativeNamePattern, AlternativeNameType } from "../config/downstream_mtls.ts";
import type { Certificate } from "../pki/certificate.ts";
import type { GeneralName } from "../pki/general_name.ts";

const MAX_NAME_LENGTH = 4096;
const MAX_TEXTS = 20;
const MAX_TEXT_LENGTH = 256;

/** Which alternative names a certificate has to have one of. */
export class AlternativeNames {
  readonly #wanted: readonly { type: AlternativeNameType; matches: (text: string) => boolean }[];

  /** @throws {RegexError} when a pattern is not an expression */
  constructor(patterns: readonly AlternativeNamePattern[]) {
    this.#wanted = patterns.map(({ type, pattern }) => ({ type, matches: compileRegex(pattern) }));
  }

  /** Whether a certificate has one, or none is wanted. */
  match(certificate: Pick<Certificate, "extensions">): boolean {
    if (this.#wanted.length === 0) return true;
    const names = namesOf(certificate).filter(({ value }) => value.length <= MAX_NAME_LENGTH);
    return names.some((name) =>
      this.#wanted.some(({ type, matches }) => type === name.type && matches(name.value))
    );
  }

  /** The names as `type:value`, for people: at most 20, at most 256 characters each. */
  static texts(certificate: Pick<Certificate, "extensions">): readonly string[] {
    return namesOf(certificate).slice(0, MAX_TEXTS).map(({ type, value }) =>
      `${type}:${value}`.slice(0, MAX_TEXT_LENGTH)
    );
  }
}

function namesOf({ extensions }: Pick<Certificate, "extensions">) {
  return extensions.subjectAlternativeNames.flatMap(
    (name): { type: AlternativeNameType; value: string }[] => {
      switch (name.type) {
        case "dns":
        case "email":
        case "uri":
          return [{ type: name.type, value: name.value }];
        case "ip":
          return [{ type: "ip_address", value: ipText(name) }];
        case "upn":
          return [{ type: "user_principal_name", value: name.value }];
        default:
          return [];
      }
    },
  );
}

/** As RFC 5952 writes it; what is no address is nothing that a pattern would name. */
function ipText({ bytes }: Extract<GeneralName, { type: "ip" }>): string {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) return "";
  const groups = Array.from(
    { length: 8 },
    (_, at) => (bytes[2 * at]! << 8 | bytes[2 * at + 1]!).toString(16),
  );
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
