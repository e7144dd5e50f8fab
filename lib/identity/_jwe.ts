import { compactDecrypt, CompactEncrypt } from "jose";
import { fromUtf8, utf8 } from "../base/bytes.ts";

/** Seals a JSON value (JWE, RFC 7516, `dir` with A256GCM). */
export function sealJson(value: unknown, key: CryptoKey): Promise<string> {
  return new CompactEncrypt(utf8(JSON.stringify(value)))
    .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
    .encrypt(key);
}

/** Opens what {@link sealJson} made. Throws for anything else. */
export async function openJson(sealed: string, key: CryptoKey): Promise<unknown> {
  const { plaintext } = await compactDecrypt(sealed, key, {
    keyManagementAlgorithms: ["dir"],
    contentEncryptionAlgorithms: ["A256GCM"],
  });
  return JSON.parse(fromUtf8(plaintext));
}
