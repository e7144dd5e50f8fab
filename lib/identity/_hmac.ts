import { decodeBase64, encodeBase64Url, utf8 } from "../base/bytes.ts";

/** HMAC (RFC 2104) of `text` under `key`, as base64url. */
export async function hmac(key: CryptoKey, text: string): Promise<string> {
  return encodeBase64Url(new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8(text))));
}

/** Whether `mac` is what {@link hmac} answers for `text`, in constant time. */
export async function isHmac(key: CryptoKey, options: { mac: string; text: string }): Promise<boolean> {
  const mac = decodeBase64(options.mac);
  return mac !== null && await crypto.subtle.verify("HMAC", key, mac, utf8(options.text));
}
