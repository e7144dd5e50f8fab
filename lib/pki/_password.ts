import { createDecipheriv, createHash, pbkdf2Sync } from "node:crypto";
import { concatBytes, utf8 } from "../base/bytes.ts";
import { DerError, DerReader, type DerValue, Tag } from "./_der.ts";
import { oidText, smallInteger } from "./_der_values.ts";
import { PkiError } from "./pki_error.ts";

/** An algorithm and its parameters (RFC 5280 section 4.1.1.2). */
export interface PasswordAlgorithm {
  /** Its object identifier. */
  readonly id: string;
  /** `undefined` when there are none. */
  readonly parameters: DerValue | undefined;
}

/** What derived keys are for (RFC 7292 appendix B.3). */
const KEY = 1;
const IV = 2;
const MAC = 3;

const PBES2 = "1.2.840.113549.1.5.13";
const PBKDF2 = "1.2.840.113549.1.5.12";
/** Of RFC 7292 appendix C. RC2 and RC4 are left out: the platform has neither. */
const TRIPLE_DES: Readonly<Record<string, number>> = {
  "1.2.840.113549.1.12.1.3": 24,
  "1.2.840.113549.1.12.1.4": 16,
};
const DES_EDE3_CBC = "1.2.840.113549.3.7";
const AES_KEY_BYTES: Readonly<Record<string, number>> = {
  "2.16.840.1.101.3.4.1.2": 16,
  "2.16.840.1.101.3.4.1.22": 24,
  "2.16.840.1.101.3.4.1.42": 32,
};
const HMACS: Readonly<Record<string, string>> = {
  "1.2.840.113549.2.7": "sha1",
  "1.2.840.113549.2.8": "sha224",
  "1.2.840.113549.2.9": "sha256",
  "1.2.840.113549.2.10": "sha384",
  "1.2.840.113549.2.11": "sha512",
};
const DIGESTS: Readonly<Record<string, { name: string; bytes: number; blockBytes: number }>> = {
  "1.3.14.3.2.26": { name: "sha1", bytes: 20, blockBytes: 64 },
  "2.16.840.1.101.3.4.2.4": { name: "sha224", bytes: 28, blockBytes: 64 },
  "2.16.840.1.101.3.4.2.1": { name: "sha256", bytes: 32, blockBytes: 64 },
  "2.16.840.1.101.3.4.2.2": { name: "sha384", bytes: 48, blockBytes: 128 },
  "2.16.840.1.101.3.4.2.3": { name: "sha512", bytes: 64, blockBytes: 128 },
};
/** For one file: a few seconds. */
const MAX_ITERATIONS = 4_000_000;

/** A password, and how much work may still be done with it. */
export class Password {
  readonly #text: string;
  #iterationsLeft = MAX_ITERATIONS;

  /** Wraps the text as it was typed. */
  constructor(text: string) {
    this.#text = text;
  }

  /** Reads an algorithm. @throws {DerError} */
  static algorithm(value: DerValue): PasswordAlgorithm {
    const reader = new DerReader(value);
    const id = oidText(reader.next(Tag.oid));
    const parameters = reader.isDone ? undefined : reader.next();
    reader.end();
    return { id, parameters };
  }

  /**
   * Decrypts with PBES2 (RFC 8018 section 6.2: PBKDF2, AES-CBC or 3DES) or with the 3DES of RFC 7292 appendix C.
   *
   * @throws {PkiError} `pki/unsupported`, `pki/wrong-password`, `pki/too-much-work`; {DerError}
   */
  async decrypt(
    { id, parameters }: PasswordAlgorithm,
    data: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (parameters === undefined) throw new DerError("an algorithm has no parameters");
    const keyBytes = TRIPLE_DES[id];
    if (keyBytes !== undefined) return this.#decryptLegacy(parameters, { keyBytes, data });
    if (id === PBES2) return await this.#decryptPbes2(parameters, data);
    throw unsupported(id);
  }

  /** The key of a MAC (RFC 7292 appendix B.4). @throws {PkiError} `pki/unsupported`, `pki/too-much-work` */
  macKey(
    digestId: string,
    { salt, iterations }: { salt: Uint8Array; iterations: number },
  ): { key: Uint8Array; digest: string } {
    const digest = DIGESTS[digestId];
    if (digest === undefined) throw unsupported(digestId);
    return {
      key: this.#derive({ digest, purpose: MAC, salt, iterations, length: digest.bytes }),
      digest: digest.name,
    };
  }

  #decryptLegacy(
    parameters: DerValue,
    { keyBytes, data }: { keyBytes: number; data: Uint8Array },
  ): Uint8Array<ArrayBuffer> {
    const reader = new DerReader(parameters);
    const salt = reader.next(Tag.octetString).content;
    const iterations = smallInteger(reader.next(Tag.integer));
    const digest = DIGESTS["1.3.14.3.2.26"]!;
    const key = this.#derive({ digest, purpose: KEY, salt, iterations, length: keyBytes });
    const iv = this.#derive({ digest, purpose: IV, salt, iterations, length: 8 });
    // Two keys of 3DES are three whose first is also the last.
    return decipher("des-ede3-cbc", { key: concatBytes([key, key]).subarray(0, 24), iv, data });
  }

  async #decryptPbes2(
    parameters: DerValue,
    data: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const reader = new DerReader(parameters);
    const kdf = Password.algorithm(reader.next(Tag.sequence));
    const scheme = Password.algorithm(reader.next(Tag.sequence));
    if (kdf.id !== PBKDF2 || kdf.parameters === undefined) throw unsupported(kdf.id);
    const keyBytes = scheme.id === DES_EDE3_CBC ? 24 : AES_KEY_BYTES[scheme.id];
    if (keyBytes === undefined || scheme.parameters?.tag !== Tag.octetString) throw unsupported(scheme.id);
    const key = this.#pbkdf2(kdf.parameters, keyBytes);
    const iv = scheme.parameters.content;
    if (scheme.id === DES_EDE3_CBC) return decipher("des-ede3-cbc", { key, iv, data });
    return await decryptAes({ key, iv, data });
  }

  #pbkdf2(parameters: DerValue, keyBytes: number): Uint8Array<ArrayBuffer> {
    const reader = new DerReader(parameters);
    const salt = reader.next(Tag.octetString).content;
    const iterations = smallInteger(reader.next(Tag.integer));
    reader.optional(Tag.integer);
    const prf = reader.optional(Tag.sequence);
    const hmac = prf === undefined ? "sha1" : HMACS[Password.algorithm(prf).id];
    if (hmac === undefined) throw unsupported("of a key derivation");
    this.#spend(iterations);
    return new Uint8Array(pbkdf2Sync(utf8(this.#text), salt, iterations, keyBytes, hmac));
  }

  /** RFC 7292 appendix B.2. */
  #derive({ digest, purpose, salt, iterations, length }: {
    digest: { name: string; bytes: number; blockBytes: number };
    purpose: number;
    salt: Uint8Array;
    iterations: number;
    length: number;
  }): Uint8Array<ArrayBuffer> {
    const { name, blockBytes } = digest;
    const diversifier = new Uint8Array(blockBytes).fill(purpose);
    const input = concatBytes([salt, bmp(this.#text)].map((part) => repeated(part, blockBytes)));
    const blocks: Uint8Array[] = [];
    for (let made = 0; made < length; made += digest.bytes) {
      this.#spend(iterations);
      let block: Uint8Array = createHash(name).update(diversifier).update(input).digest();
      for (let round = 1; round < iterations; round++) block = createHash(name).update(block).digest();
      blocks.push(block);
      addToBlocks(input, repeated(block, blockBytes).subarray(0, blockBytes));
    }
    return concatBytes(blocks).slice(0, length);
  }

  #spend(iterations: number): void {
    if (iterations < 1) throw new DerError("a number of iterations is 0");
    this.#iterationsLeft -= iterations;
    if (this.#iterationsLeft >= 0) return;
    throw new PkiError(
      "pki/too-much-work",
      `It asks for more than ${MAX_ITERATIONS} rounds of key derivation`,
    );
  }
}

function decipher(
  algorithm: string,
  { key, iv, data }: { key: Uint8Array; iv: Uint8Array; data: Uint8Array },
): Uint8Array<ArrayBuffer> {
  if (iv.length !== 8) throw new DerError("an initialization vector has a wrong length");
  try {
    const cipher = createDecipheriv(algorithm, key, iv);
    return concatBytes([cipher.update(data), cipher.final()]);
  } catch {
    throw wrongPassword();
  }
}

/** By WebCrypto, as `node:crypto` of Deno 2.9.6 lacks AES-192. */
async function decryptAes(
  { key, iv, data }: Readonly<Record<"key" | "iv" | "data", Uint8Array<ArrayBuffer>>>,
): Promise<Uint8Array<ArrayBuffer>> {
  if (iv.length !== 16) throw new DerError("an initialization vector has a wrong length");
  const algorithm = { name: "AES-CBC", iv };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["decrypt"]);
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, imported, data));
  } catch {
    throw wrongPassword();
  }
}

/** The password in UTF-16, with the two zero bytes at its end (RFC 7292 appendix B.1). */
function bmp(text: string): Uint8Array {
  const bytes = new Uint8Array(2 * text.length + 2);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < text.length; index++) view.setUint16(2 * index, text.charCodeAt(index));
  return bytes;
}

/** Again and again up to the next multiple of `blockBytes`. */
function repeated(part: Uint8Array, blockBytes: number): Uint8Array {
  const length = Math.ceil(part.length / blockBytes) * blockBytes;
  return Uint8Array.from({ length }, (_, index) => part[index % part.length]!);
}

/** Adds a number, and one more, to each block of `input`, in place. */
function addToBlocks(input: Uint8Array, number: Uint8Array): void {
  for (let start = 0; start < input.length; start += number.length) {
    let carry = 1;
    for (let index = number.length - 1; index >= 0; index--) {
      carry += input[start + index]! + number[index]!;
      input[start + index] = carry;
      carry >>= 8;
    }
  }
}

/** The error of a password that does not fit. */
export function wrongPassword(): PkiError {
  return new PkiError("pki/wrong-password", "The password is wrong");
}

function unsupported(id: string): PkiError {
  return new PkiError("pki/unsupported", `It uses the algorithm ${id}, which is not supported`, {
    hint: "encrypt it anew with AES: openssl pkcs12 -legacy -nodes -in OLD | openssl pkcs12 -export -out NEW",
  });
}
