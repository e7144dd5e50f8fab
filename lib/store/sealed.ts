import { decodeBase64, encodeBase64Url, fromUtf8, utf8 } from "../base/bytes.ts";

/** Keeps values from whoever can read the place where they are stored. */
export interface Sealer {
  /** Encrypts `text` for one place, such as a column of a row. */
  seal(text: string, place: string): Promise<string>;
  /** What was sealed for this place, or `null` when it was sealed under another key, for another place, or altered. */
  open(sealed: string, place: string): Promise<string | null>;
}

/** Begins every sealed value; JSON never begins so. */
const PREFIX = "sealed:v1:";
const IV_BYTES = 12;

/** Keeps values as they are. */
export const unsealed: Sealer = {
  seal: (text) => Promise.resolve(text),
  open: (text) => Promise.resolve(text.startsWith(PREFIX) ? null : text),
};

/**
 * Seals with AES-256-GCM (NIST SP 800-38D), a random 96-bit nonce for each value and the place as additional data, so
 * that a value cannot be moved to another row. A value that was kept before there was a key is opened as it is.
 *
 * @param key AES-256-GCM; as a function, asked for each value, so that the key can change
 */
export function sealer(key: CryptoKey | (() => CryptoKey)): Sealer {
  const current = typeof key === "function" ? key : () => key;
  return {
    async seal(text, place) {
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
      const sealed = await crypto.subtle.encrypt(gcm(iv, place), current(), utf8(text));
      return PREFIX + encodeBase64Url(new Uint8Array([...iv, ...new Uint8Array(sealed)]));
    },
    async open(sealed, place) {
      if (!sealed.startsWith(PREFIX)) return sealed;
      const bytes = decodeBase64(sealed.slice(PREFIX.length));
      if (bytes === null || bytes.length < IV_BYTES) return null;
      const iv = bytes.subarray(0, IV_BYTES);
      try {
        const text = await crypto.subtle.decrypt(gcm(iv, place), current(), bytes.subarray(IV_BYTES));
        return fromUtf8(new Uint8Array(text));
      } catch {
        return null;
      }
    },
  };
}

function gcm(iv: Uint8Array<ArrayBuffer>, place: string): AesGcmParams {
  return { name: "AES-GCM", iv, additionalData: utf8(place) };
}
