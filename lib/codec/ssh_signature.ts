import { createHash, type KeyObject, verify } from "node:crypto";
import { concatBytes, utf8 } from "../base/bytes.ts";
import { CodecError } from "./codec_error.ts";
import { parseSshPublicKey, type SshPublicKey } from "./ssh_public_key.ts";
import { SshReader, sshUint32 } from "./ssh_wire.ts";

/** What each signature algorithm is good for. SHA-1 is not among them. */
const ALGORITHMS: ReadonlyMap<string, { readonly keyType: string; readonly hash: string | null }> = new Map([
  ["ssh-ed25519", { keyType: "ssh-ed25519", hash: null }],
  ["sk-ssh-ed25519@openssh.com", { keyType: "sk-ssh-ed25519@openssh.com", hash: null }],
  ["rsa-sha2-256", { keyType: "ssh-rsa", hash: "sha256" }],
  ["rsa-sha2-512", { keyType: "ssh-rsa", hash: "sha512" }],
  ["ecdsa-sha2-nistp256", { keyType: "ecdsa-sha2-nistp256", hash: "sha256" }],
  ["ecdsa-sha2-nistp384", { keyType: "ecdsa-sha2-nistp384", hash: "sha384" }],
  ["ecdsa-sha2-nistp521", { keyType: "ecdsa-sha2-nistp521", hash: "sha512" }],
  ["sk-ecdsa-sha2-nistp256@openssh.com", { keyType: "sk-ecdsa-sha2-nistp256@openssh.com", hash: "sha256" }],
]);

/** Somebody was there and touched the security key (PROTOCOL.u2f of OpenSSH). */
const USER_PRESENT = 1;

/**
 * Whether `signature` (RFC 4253 section 6.6: its algorithm, then what that makes) is that of `publicKey` over `data`. SHA-1 is
 * refused, and so is a security key that nobody has touched.
 *
 * @param publicKey in wire format; no certificate
 * @returns false also for what cannot be read
 */
export function verifySshSignature(
  publicKey: Uint8Array,
  { signature, data }: { signature: Uint8Array; data: Uint8Array },
): boolean {
  try {
    const key = parseSshPublicKey(publicKey);
    const reader = new SshReader(signature);
    const algorithm = ALGORITHMS.get(reader.text());
    if (algorithm === undefined || algorithm.keyType !== key.type) return false;
    const value = reader.bytes();
    const signed = key.application === null ? data : securityKeyData(key, { reader, data });
    if (signed === null || !reader.isAtEnd) return false;
    return verifyValue(key.key, { value, signed, hash: algorithm.hash });
  } catch (error) {
    if (error instanceof CodecError) return false;
    throw error;
  }
}

function verifyValue(
  key: KeyObject,
  { value, signed, hash }: { value: Uint8Array; signed: Uint8Array; hash: string | null },
): boolean {
  if (key.asymmetricKeyType !== "ec") return verify(hash, signed, key, value);
  return verify(hash, signed, key, derOfEcdsa(value));
}

/** What a security key has signed; `null` when nobody was present. */
function securityKeyData(
  { application }: SshPublicKey,
  { reader, data }: { reader: SshReader; data: Uint8Array },
): Uint8Array | null {
  const flags = reader.byte();
  const counter = reader.uint32();
  if ((flags & USER_PRESENT) === 0) return null;
  const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
  return concatBytes([hash(utf8(application!)), Uint8Array.of(flags), sshUint32(counter), hash(data)]);
}

/** The two numbers of ECDSA (RFC 5656 section 3.1.2) as the platform takes them (RFC 3279 section 2.2.3). */
function derOfEcdsa(value: Uint8Array): Uint8Array {
  const reader = new SshReader(value);
  const numbers = concatBytes([reader.bytes(), reader.bytes()].map((bytes) => derField(2, bytes)));
  if (!reader.isAtEnd) {
    throw new CodecError("codec/malformed", "Cannot read a signature: something follows it");
  }
  return derField(0x30, numbers);
}

function derField(tag: number, content: Uint8Array): Uint8Array {
  const { length } = content;
  if (length > 255) {
    throw new CodecError("codec/too-large", "Cannot read a signature: its numbers are too long");
  }
  return concatBytes([Uint8Array.from(length < 128 ? [tag, length] : [tag, 0x81, length]), content]);
}
