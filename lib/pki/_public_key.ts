import { concatBytes } from "../base/bytes.ts";
import { parseAlgorithm } from "./_algorithm.ts";
import { DerError, DerReader, requireDer, Tag } from "./_der.ts";
import { oidText, unsignedInteger, wholeBits } from "./_der_values.ts";

/** A public key that signatures can be verified with. */
export type PublicKey =
  | { readonly kind: "rsa"; readonly spki: Uint8Array<ArrayBuffer> }
  | {
    /** A key for PSS alone; with parameters it is for signatures with just these (RFC 4055 section 3.1). */
    readonly kind: "rsa-pss";
    /** As if it were for RSA in general, which is the only form that WebCrypto reads. */
    readonly spki: Uint8Array<ArrayBuffer>;
    readonly parameters: Uint8Array<ArrayBuffer> | null;
  }
  | { readonly kind: "ec"; readonly spki: Uint8Array<ArrayBuffer>; readonly curve: Curve }
  | { readonly kind: "ed25519" | "ed448"; readonly spki: Uint8Array<ArrayBuffer> };

/** An elliptic curve, as WebCrypto names it. */
export type Curve = "P-256" | "P-384" | "P-521";

/** A key or an algorithm that no signature is verified with. */
export class KeyError extends Error {
  override name = "KeyError";

  /** `message` is a clause about the key: `is of RSA with 1024 bits`. */
  constructor(readonly code: "pki/path-weak-key" | "pki/path-unsupported-algorithm", message: string) {
    super(message);
  }
}

/** The bytes of a coordinate on each curve. */
export const COORDINATE_BYTES: Readonly<Record<Curve, number>> = { "P-256": 32, "P-384": 48, "P-521": 66 };

const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;
/** 65537 has 17. Larger ones are of no use but to make verifying slow. */
const MAX_EXPONENT_BITS = 33;

const RSA = "1.2.840.113549.1.1.1";
const RSA_PSS = "1.2.840.113549.1.1.10";
const EC = "1.2.840.10045.2.1";
const ED25519 = "1.3.101.112";
const ED448 = "1.3.101.113";
const CURVES: Readonly<Record<string, Curve>> = {
  "1.2.840.10045.3.1.7": "P-256",
  "1.3.132.0.34": "P-384",
  "1.3.132.0.35": "P-521",
};
const NULL = "0500";
/** The AlgorithmIdentifier of RSA in general (RFC 3279 section 2.3.1). */
const RSA_ALGORITHM = Uint8Array.fromHex("300d06092a864886f70d0101010500");

/**
 * Reads a SubjectPublicKeyInfo: RSA of 2048 to 8192 bits, ECDSA on a NIST curve, Ed25519, Ed448.
 *
 * @throws {KeyError}
 */
export function readPublicKey(spki: Uint8Array<ArrayBuffer>): PublicKey {
  try {
    const reader = new DerReader(requireDer(spki));
    const { id, parameters } = parseAlgorithm(reader.next(Tag.sequence));
    const bits = reader.next(Tag.bitString);
    reader.end();
    const key = wholeBits(bits);
    if (id === RSA && (parameters === null || parameters.toHex() === NULL)) {
      checkRsa(key);
      return { kind: "rsa", spki: rsaSpki(bits.raw) };
    }
    if (id === RSA_PSS) {
      checkRsa(key);
      return { kind: "rsa-pss", spki: rsaSpki(bits.raw), parameters };
    }
    if (id === EC && parameters?.[0] === Tag.oid) return ecKey(spki, { parameters, point: key });
    if ((id === ED25519 || id === ED448) && parameters === null) {
      if (key.length !== (id === ED25519 ? 32 : 57)) {
        throw new DerError("a key has another size than it must");
      }
      return { kind: id === ED25519 ? "ed25519" : "ed448", spki };
    }
    throw new KeyError("pki/path-unsupported-algorithm", `is of an algorithm that is not supported: ${id}`);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new KeyError("pki/path-weak-key", `cannot be read as ${error.message}`);
  }
}

function ecKey(
  spki: Uint8Array<ArrayBuffer>,
  { parameters, point }: { parameters: Uint8Array<ArrayBuffer>; point: Uint8Array },
): PublicKey {
  const id = oidText(requireDer(parameters));
  const curve = CURVES[id];
  if (curve === undefined) {
    throw new KeyError("pki/path-unsupported-algorithm", `is on a curve that is not supported: ${id}`);
  }
  if (point[0] !== 4 || point.length !== 1 + 2 * COORDINATE_BYTES[curve]) {
    throw new KeyError("pki/path-unsupported-algorithm", "is a compressed or otherwise unusual point");
  }
  return { kind: "ec", spki, curve };
}

function checkRsa(key: Uint8Array<ArrayBuffer>): void {
  const reader = new DerReader(requireDer(key));
  const modulus = unsignedInteger(reader.next(Tag.integer));
  const exponent = unsignedInteger(reader.next(Tag.integer));
  reader.end();
  const bits = bitLength(modulus);
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS) {
    const found = `is of RSA with ${bits} bits: ${MIN_RSA_BITS} to ${MAX_RSA_BITS} are taken`;
    throw new KeyError("pki/path-weak-key", found);
  }
  const exponentBits = bitLength(exponent);
  const isOdd = (number: Uint8Array) => (number.at(-1)! & 1) === 1;
  if (exponentBits < 2 || exponentBits > MAX_EXPONENT_BITS || !isOdd(exponent) || !isOdd(modulus)) {
    throw new KeyError("pki/path-weak-key", "is of RSA with an exponent or a modulus that cannot be");
  }
}

function bitLength(number: Uint8Array): number {
  return number.length === 0 ? 0 : number.length * 8 - (Math.clz32(number[0]!) - 24);
}

/** `spki` anew: every RSA key is imported in the same form. */
function rsaSpki(bits: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = RSA_ALGORITHM.length + bits.length;
  // A key of 2048 to 8192 bits always takes two bytes of length.
  return concatBytes([new Uint8Array([Tag.sequence, 0x82, length >> 8, length & 0xff]), RSA_ALGORITHM, bits]);
}
