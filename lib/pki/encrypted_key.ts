import type { KeyObject } from "node:crypto";
import { definite } from "./_ber.ts";
import { DerError } from "./_der.ts";
import { decryptKeyInfo } from "./_key_info.ts";
import { Password } from "./_password.ts";
import { PkiError } from "./pki_error.ts";

/**
 * Decrypts a key in EncryptedPrivateKeyInfo (RFC 5958 section 3), with what `readPkcs12` supports.
 *
 * @param options `password`: as it was typed
 * @throws {PkiError} `pki/bad-key`, `pki/wrong-password`, `pki/unsupported`, `pki/too-much-work`
 */
export async function decryptKey(der: Uint8Array, options: { password: string }): Promise<KeyObject> {
  try {
    return await decryptKeyInfo(definite(der), new Password(options.password));
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new PkiError("pki/bad-key", `The encrypted key cannot be read as ${cause.message}`, { cause });
  }
}
