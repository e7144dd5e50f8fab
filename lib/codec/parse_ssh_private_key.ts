import { createPrivateKey, type KeyObject } from "node:crypto";
import { decodeBase64, encodeBase64Url } from "../base/bytes.ts";
import { CodecError } from "./codec_error.ts";
import { SshReader } from "./ssh_wire.ts";

const OPENSSH =
  /^-----BEGIN OPENSSH PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+?)\s+-----END OPENSSH PRIVATE KEY-----\s*$/;
const MAGIC = "openssh-key-v1\0";
const MAX_LENGTH = 32 * 1024;

const CURVES: ReadonlyMap<string, { readonly crv: string; readonly bytes: number }> = new Map([
  ["nistp256", { crv: "P-256", bytes: 32 }],
  ["nistp384", { crv: "P-384", bytes: 48 }],
  ["nistp521", { crv: "P-521", bytes: 66 }],
]);

/**
 * Reads a private key without passphrase, as `ssh-keygen` writes it (PROTOCOL.key of OpenSSH) or OpenSSL (PEM): Ed25519, ECDSA
 * or RSA.
 *
 * @param text at most 32 KiB
 * @throws {CodecError} `codec/unexpected` when it is none, or has a passphrase; `codec/malformed`, `codec/truncated`
 */
export function parseSshPrivateKey(text: string): KeyObject {
  if (text.length > MAX_LENGTH) throw unreadable();
  const base64 = OPENSSH.exec(text.trim())?.[1];
  const bytes = base64 === undefined ? null : decodeBase64(base64.replace(/\s/g, ""));
  try {
    return bytes === null ? createPrivateKey(text) : createPrivateKey({ key: readJwk(bytes), format: "jwk" });
  } catch (error) {
    // What the platform says might show something of the key.
    throw error instanceof CodecError ? error : unreadable();
  }
}

function readJwk(bytes: Uint8Array): Record<string, string> {
  if (new TextDecoder().decode(bytes.subarray(0, MAGIC.length)) !== MAGIC) throw unreadable();
  const reader = new SshReader(bytes.subarray(MAGIC.length));
  const [cipher] = [reader.text(), reader.text(), reader.bytes()];
  if (cipher !== "none" || reader.uint32() !== 1) throw unreadable();
  reader.bytes();
  const key = new SshReader(reader.bytes());
  if (key.uint32() !== key.uint32()) throw unreadable();
  return readKey(key.text(), key);
}

function readKey(type: string, key: SshReader): Record<string, string> {
  switch (type) {
    case "ssh-ed25519": {
      const x = key.bytes();
      // The seed, and the public key once more (RFC 8032 section 5.1.5).
      const d = key.bytes().subarray(0, 32);
      return { kty: "OKP", crv: "Ed25519", x: encodeBase64Url(x), d: encodeBase64Url(d) };
    }
    case "ecdsa-sha2-nistp256":
    case "ecdsa-sha2-nistp384":
    case "ecdsa-sha2-nistp521":
      return readEc(key);
    case "ssh-rsa":
      return readRsa(key);
    default:
      throw unreadable();
  }
}

function readEc(key: SshReader): Record<string, string> {
  const curve = CURVES.get(key.text());
  const point = key.bytes();
  if (curve === undefined || point.length !== 1 + 2 * curve.bytes) throw unreadable();
  return {
    kty: "EC",
    crv: curve.crv,
    x: encodeBase64Url(point.subarray(1, 1 + curve.bytes)),
    y: encodeBase64Url(point.subarray(1 + curve.bytes)),
    d: encodeBase64Url(padded(key.unsigned(), curve.bytes)),
  };
}

function readRsa(key: SshReader): Record<string, string> {
  const [n, e, d, qi, p, q] = Array.from({ length: 6 }, () => key.unsigned());
  const exponent = (prime: Uint8Array) => bytesOf(numberOf(d!) % (numberOf(prime) - 1n));
  const parts = { n: n!, e: e!, d: d!, p: p!, q: q!, dp: exponent(p!), dq: exponent(q!), qi: qi! };
  const entries = Object.entries(parts).map(([name, value]) => [name, encodeBase64Url(value)]);
  return { kty: "RSA", ...Object.fromEntries(entries) };
}

function padded(value: Uint8Array, length: number): Uint8Array {
  if (value.length > length) throw unreadable();
  const bytes = new Uint8Array(length);
  bytes.set(value, length - value.length);
  return bytes;
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x0${bytes.toHex()}`);
}

function bytesOf(value: bigint): Uint8Array {
  const digits = value.toString(16);
  return Uint8Array.fromHex(digits.padStart(digits.length + digits.length % 2, "0"));
}

function unreadable(): CodecError {
  return new CodecError(
    "codec/unexpected",
    "Cannot read the private key: it is none of SSH without passphrase",
  );
}
