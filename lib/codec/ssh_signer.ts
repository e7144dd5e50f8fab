import { Buffer } from "node:buffer";
import { createPublicKey, type KeyObject, sign } from "node:crypto";
import { concatBytes } from "../base/bytes.ts";
import { CodecError } from "./codec_error.ts";
import { sshString, sshUnsigned } from "./ssh_wire.ts";

/** By the name of the curve in a JWK (RFC 7518 section 6.2.1.1): its name in SSH, and the hash for it (RFC 5656 section 6.2.1). */
const CURVES: ReadonlyMap<string, { readonly name: string; readonly hash: string }> = new Map([
  ["P-256", { name: "nistp256", hash: "sha256" }],
  ["P-384", { name: "nistp384", hash: "sha384" }],
  ["P-521", { name: "nistp521", hash: "sha512" }],
]);

/** A private key that signs for SSH. */
export interface SshSigner {
  /** Its public key, in wire format (RFC 4253 section 6.6). */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** What it signs with, such as `ssh-ed25519`; an RSA key with `rsa-sha2-512` (RFC 8332). */
  readonly algorithm: string;
  /** Signs. @returns the algorithm, then what that makes */
  sign(bytes: Uint8Array): Uint8Array<ArrayBuffer>;
}

/**
 * What signs with a private key: Ed25519 (RFC 8709), ECDSA over one of the three curves of NIST (RFC 5656), or RSA.
 *
 * @throws {CodecError} `codec/unexpected` for other keys
 */
export function sshSigner(key: KeyObject): SshSigner {
  const { keyType, parts, algorithm, hash } = publicPartOf(key);
  const isEc = keyType.startsWith("ecdsa-");
  return {
    publicKey: concatBytes([sshString(keyType), ...parts]),
    algorithm,
    sign(bytes) {
      const value = sign(hash, bytes, isEc ? { key, dsaEncoding: "ieee-p1363" } : key);
      return concatBytes([sshString(algorithm), sshString(isEc ? pairOf(value) : value)]);
    },
  };
}

interface PublicPart {
  readonly keyType: string;
  readonly parts: readonly Uint8Array[];
  readonly algorithm: string;
  readonly hash: string | null;
}

function publicPartOf(key: KeyObject): PublicPart {
  const { kty, crv, x, y, n, e } = createPublicKey(key).export({ format: "jwk" }) as Record<string, string>;
  const curve = CURVES.get(crv ?? "");
  if (kty === "RSA") {
    const parts = [sshUnsigned(bytesOf(e)), sshUnsigned(bytesOf(n))];
    return { keyType: "ssh-rsa", parts, algorithm: "rsa-sha2-512", hash: "sha512" };
  }
  if (kty === "OKP" && crv === "Ed25519") {
    return { keyType: "ssh-ed25519", parts: [sshString(bytesOf(x))], algorithm: "ssh-ed25519", hash: null };
  }
  if (kty === "EC" && curve !== undefined) {
    const keyType = `ecdsa-sha2-${curve.name}`;
    const point = concatBytes([Uint8Array.of(4), bytesOf(x), bytesOf(y)]);
    return {
      keyType,
      parts: [sshString(curve.name), sshString(point)],
      algorithm: keyType,
      hash: curve.hash,
    };
  }
  throw new CodecError("codec/unexpected", "Cannot sign for SSH: the key is of a kind that SSH has not");
}

function bytesOf(text: string | undefined): Uint8Array {
  return Buffer.from(text ?? "", "base64url");
}

/** The two numbers of ECDSA one after the other (RFC 5656 section 3.1.2). */
function pairOf(value: Uint8Array): Uint8Array {
  const half = value.length / 2;
  return concatBytes([sshUnsigned(value.subarray(0, half)), sshUnsigned(value.subarray(half))]);
}
