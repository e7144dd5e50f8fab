import { Recent } from "../base/recent.ts";
import { decodeBase64, encodeBase64Url, fromUtf8, utf8 } from "../base/bytes.ts";

/** Keeps values from whoever can read the place where they are stored. */
export interface Sealer {
  /** Encrypts `text` for one place, such as a column of a row. */
  seal(text: string, place: string): Promise<string>;
  /**
   * Opens a value.
   *
   * @param options `remember`: what came of it may be kept in memory, for the next time; default `false`
   * @returns what was sealed for this place, or `null` when it was sealed under another key, for another place, or altered
   */
  open(sealed: string, place: string, options?: { readonly remember?: boolean }): Promise<string | null>;
}

/** Begins every sealed value; JSON never begins so. */
const PREFIX = "sealed:v1:";
const IV_BYTES = 12;
/** So many values are remembered, the latest, of at most so many characters each. */
const MAX_REMEMBERED = 1000;
const MAX_REMEMBERED_LENGTH = 4096;

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
  // What a key opens once, it opens again.
  let opened: { readonly key: CryptoKey; readonly texts: Recent<string> } | null = null;
  return {
    async seal(text, place) {
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
      const sealed = await crypto.subtle.encrypt(gcm(iv, place), current(), utf8(text));
      return PREFIX + encodeBase64Url(new Uint8Array([...iv, ...new Uint8Array(sealed)]));
    },
    async open(sealed, place, { remember = false } = {}) {
      if (!sealed.startsWith(PREFIX)) return sealed;
      const key = current();
      if (opened?.key !== key) opened = { key, texts: new Recent(MAX_REMEMBERED) };
      const { texts } = opened;
      const known = remember ? texts.get(`${place} ${sealed}`) : undefined;
      if (known !== undefined) return known;
      const bytes = decodeBase64(sealed.slice(PREFIX.length));
      if (bytes === null || bytes.length < IV_BYTES) return null;
      const iv = bytes.subarray(0, IV_BYTES);
      try {
        const plain = await crypto.subtle.decrypt(gcm(iv, place), key, bytes.subarray(IV_BYTES));
        const text = fromUtf8(new Uint8Array(plain));
        if (remember && sealed.length <= MAX_REMEMBERED_LENGTH) texts.set(`${place} ${sealed}`, text);
        return text;
      } catch {
        return null;
      }
    },
  };
}

function gcm(iv: Uint8Array<ArrayBuffer>, place: string): AesGcmParams {
  return { name: "AES-GCM", iv, additionalData: utf8(place) };
}
