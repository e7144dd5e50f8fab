import { encodeBase64Url } from "./bytes.ts";

/** Randomness as a parameter. Always cryptographically strong outside tests. */
export interface Random {
  /** `length` fresh random bytes, 0 to 65536. */
  bytes(length: number): Uint8Array<ArrayBuffer>;
}

/** The platform's cryptographic generator. */
export const systemRandom: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
};

/**
 * A fresh identifier of `bytes` random bytes (default 16), as unpadded base64url. None begins with a dash, so that a command
 * line does not take it for an option.
 */
export function randomId(random: Random, bytes = 16): string {
  return encodeBase64Url(random.bytes(bytes)).replace(/^-/, "A");
}
