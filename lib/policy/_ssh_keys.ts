import { encodeBase64Url } from "../base/bytes.ts";
import { isCertificateType } from "../codec/ssh_certificate.ts";
import { parseSshKeyLine, sshKeyType } from "../codec/ssh_public_key.ts";
import { requireSomeTexts } from "./_data.ts";
import { MAX_KEY_LINE_LENGTH } from "./_limits.ts";
import { PolicyError, type PolicyPlace } from "./errors.ts";

/**
 * The keys of one line of an `authorized_keys` file, or of a list of them, in wire format, as base64url. A line holds a
 * type, the key in base64 and perhaps a comment. Options before the type are refused: they would not be enforced.
 *
 * @param options `kind`: an `authority` may be no certificate itself
 * @throws {PolicyError} `policy/bad-data`, `policy/too-large`
 */
export function requireSshKeys(
  data: unknown,
  options: { place: PolicyPlace; kind: "any key" | "authority" },
): ReadonlySet<string> {
  const lines = requireSomeTexts(data, { place: options.place, maxLength: MAX_KEY_LINE_LENGTH });
  return new Set(lines.map(({ text, place }) => {
    const key = parseSshKeyLine(text);
    if (key === null) {
      const hint = "write a line as in a .pub file, without options: ssh-ed25519 AAAA...";
      throw new PolicyError("policy/bad-data", "This is not a public key of SSH", { place, hint });
    }
    if (options.kind === "authority" && isCertificateType(sshKeyType(key))) {
      const hint = "write the public key of the authority";
      throw new PolicyError("policy/bad-data", "A certificate cannot sign certificates", { place, hint });
    }
    return encodeBase64Url(key);
  }));
}
