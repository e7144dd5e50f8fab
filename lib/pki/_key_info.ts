import { Buffer } from "node:buffer";
import { createPrivateKey, type KeyObject } from "node:crypto";
import { DerReader, Tag } from "./_der.ts";
import { Password } from "./_password.ts";
import { PkiError } from "./pki_error.ts";

/** The key in an EncryptedPrivateKeyInfo (RFC 5958 section 3). @throws {PkiError}; {DerError} */
export async function decryptKeyInfo(der: Uint8Array<ArrayBuffer>, password: Password): Promise<KeyObject> {
  const outer = new DerReader({ content: der });
  const reader = new DerReader(outer.next(Tag.sequence));
  outer.end();
  const algorithm = Password.algorithm(reader.next(Tag.sequence));
  return importKey(await password.decrypt(algorithm, reader.next(Tag.octetString).content));
}

/** A key in PKCS#8. @throws {PkiError} `pki/bad-key` */
export function importKey(der: Uint8Array): KeyObject {
  try {
    return createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" });
  } catch {
    // The cause is left out: it must never be able to carry a part of the key.
    throw new PkiError("pki/bad-key", "The key cannot be read");
  }
}
