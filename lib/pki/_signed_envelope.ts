import { createHash } from "node:crypto";
import { parseAlgorithm } from "./_algorithm.ts";
import { DerError, DerReader, type DerValue, Tag } from "./_der.ts";
import { wholeBits } from "./_der_values.ts";
import type { AlgorithmIdentifier } from "./certificate.ts";

/** What a certificate and a revocation list have in common around their signed parts. */
export interface SignedEnvelope {
  /** The part that is signed. */
  readonly tbs: Uint8Array<ArrayBuffer>;
  /** How it is signed. */
  readonly signatureAlgorithm: AlgorithmIdentifier;
  /** Over `tbs`. */
  readonly signature: Uint8Array<ArrayBuffer>;
  /** SHA-256 of the whole, as 64 lower-case hexadecimal digits. */
  readonly fingerprintSha256: string;
}

/**
 * Reads a signed structure (RFC 5280 sections 4.1.1 and 5.1.1).
 *
 * @param readTbs reads the signed part, which has to repeat `algorithm`
 * @throws {DerError}
 */
export function readSigned<Part>(
  value: DerValue,
  readTbs: (tbs: DerValue, algorithm: DerValue) => Part,
): Part & SignedEnvelope {
  if (value.tag !== Tag.sequence) throw new DerError("it is not a sequence");
  const reader = new DerReader(value);
  const tbs = reader.next(Tag.sequence);
  const algorithm = reader.next(Tag.sequence);
  const signature = wholeBits(reader.next(Tag.bitString));
  reader.end();
  return {
    ...readTbs(tbs, algorithm),
    tbs: tbs.raw,
    signatureAlgorithm: parseAlgorithm(algorithm),
    signature,
    fingerprintSha256: createHash("sha256").update(value.raw).digest("hex"),
  };
}
