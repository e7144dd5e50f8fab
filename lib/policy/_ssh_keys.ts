import { createHash } from "node:crypto";
import { decodeBase64, encodeBase64Url, utf8 } from "../base/bytes.ts";
import { requireSomeTexts } from "./_data.ts";
import { MAX_KEY_LINE_LENGTH } from "./_limits.ts";
import { PolicyError, type PolicyPlace } from "./errors.ts";

const KEY_LINE = /^([a-z0-9][a-z0-9@.-]*)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t].*)?$/;

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
    const [, type = "", base64 = ""] = KEY_LINE.exec(text.trim()) ?? [];
    const key = decodeBase64(base64);
    if (type === "" || key === null || !isOfType(key, type)) {
      const hint = "write a line as in a .pub file, without options: ssh-ed25519 AAAA...";
      throw new PolicyError("policy/bad-data", "This is not a public key of SSH", { place, hint });
    }
    if (options.kind === "authority" && isCertificate(type)) {
      const hint = "write the public key of the authority";
      throw new PolicyError("policy/bad-data", "A certificate cannot sign certificates", { place, hint });
    }
    return encodeBase64Url(key);
  }));
}

/** What `ssh-keygen -l` calls a key by. */
export function fingerprintOf(key: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

/**
 * Whether a key begins with the name of its type and consists of whole fields, each with its length before it (RFC 4253
 * section 6.6). A certificate has fields without.
 */
function isOfType(key: Uint8Array, type: string): boolean {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  const name = utf8(type);
  let at = 0;
  let fields = 0;
  while (at + 4 <= key.length) {
    const length = view.getUint32(at);
    const field = key.subarray(at + 4, at + 4 + length);
    if (fields === 0 && !(length === name.length && field.every((byte, index) => byte === name[index]))) {
      return false;
    }
    at += 4 + length;
    fields++;
    if (isCertificate(type)) return at < key.length;
  }
  return at === key.length && fields > 1;
}

function isCertificate(type: string): boolean {
  return type.includes("-cert-v01@");
}
